import NIOCore
import NIOHTTP1

/// Answers the requests of a connection that nobody needs to look into: those that are no HTTP, that do not say for which
/// host they are, or announce more than will be read. Also does what HTTP/1 asks of a server and NIO leaves to it: says
/// `100 Continue` to those who wait for it before they send a body, and ends the connection after an answer to HTTP/1.0
/// (RFC 9110 section 10.1.1, RFC 9112 sections 3.2, 6.3 and 9.3).
final class RequestGate: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// How long the other side may take to close its half after a refusal. A server that closes at once can take the answer
    /// away from one that is still sending.
    private static let farewell = TimeAmount.seconds(5)

    private let maxBodyBytes: Int
    /// Requests that were let in, and whose answers have not ended.
    private var unanswered = 0
    /// The body of a request that was let in has not ended.
    private var isIncomplete = false
    /// The newest request came with HTTP/1.0.
    private var isOldVersion = false
    private var refusal: RequestRefusal?
    private var timer: Scheduled<Void>?

    init(maxBodyBytes: Int) { self.maxBodyBytes = maxBodyBytes }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // What comes after a refusal is not looked at.
        guard refusal == nil else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            if let objection = objection(to: head) { return refuse(objection, context) }
            unanswered += 1
            isIncomplete = true
            isOldVersion = head.version != .http1_1
            if head.headers.contains(name: "Expect"), unanswered == 1 {
                let head = HTTPResponseHead(version: .http1_1, status: .continue)
                context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
            }
        case .body: break
        case .end: isIncomplete = false
        }
        context.fireChannelRead(data)
    }

    /// Of a request that was let in already, those who answer it learn that its rest is wrong.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? HTTPParserError, !isIncomplete else { return context.fireErrorCaught(error) }
        guard refusal == nil else { return }
        refuse(error == .headerOverflow ? .headTooLarge : .badRequest("this is no HTTP/1.1 request"), context)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head) where isOldVersion && head.status != .continue:
            head.version = .http1_0
            head.headers.replaceOrAdd(name: "Connection", value: "close")
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .end:
            context.write(data, promise: promise)
            unanswered = max(0, unanswered - 1)
            guard unanswered == 0 else { return }
            if let refusal {
                send(refusal, context)
            } else if isOldVersion {
                context.flush()
                sayGoodbye(context)
            }
        default: context.write(data, promise: promise)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }

    private func objection(to head: HTTPRequestHead) -> RequestRefusal? {
        let hosts = head.headers["Host"]
        guard hosts.count == 1 || head.version != .http1_1 && hosts.isEmpty else {
            return .badRequest("a request needs one header Host")
        }
        if head.headers["Expect"].contains(where: { $0.lowercased() != "100-continue" }) {
            return RequestRefusal(
                status: .expectationFailed, code: "bad_request", message: "the header Expect may only hold 100-continue"
            )
        }
        // The parser has seen that it is a number, which may be too large for ours.
        if let length = head.headers.first(name: "Content-Length"), Int(length).map({ $0 > maxBodyBytes }) ?? true {
            return RequestRefusal(
                status: .payloadTooLarge, code: "too_large", message: "The body is larger than \(maxBodyBytes) bytes.")
        }
        return nil
    }

    private func refuse(_ refusal: RequestRefusal, _ context: ChannelHandlerContext) {
        self.refusal = refusal
        // The answers to those before come first.
        if unanswered == 0 { send(refusal, context) }
    }

    private func send(_ refusal: RequestRefusal, _ context: ChannelHandlerContext) {
        for part in refusal.parts { context.write(wrapOutboundOut(part), promise: nil) }
        context.flush()
        sayGoodbye(context)
    }

    private func sayGoodbye(_ context: ChannelHandlerContext) {
        let channel = context.channel
        context.close(mode: .output).whenFailure { _ in channel.close(promise: nil) }
        timer = context.eventLoop.scheduleTask(in: Self.farewell) { channel.close(promise: nil) }
    }
}

extension RequestRefusal {
    fileprivate static let headTooLarge = RequestRefusal(
        status: .requestHeaderFieldsTooLarge, code: "too_large", message: "the head of the request is too large")
}
