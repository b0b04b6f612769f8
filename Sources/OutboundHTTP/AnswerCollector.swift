import MiddlewareKit
import NIOCore
import NIOHTTP1

/// Sends one request over its connection and collects the answer, up to a limit of bytes and of time.
final class AnswerCollector: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let request: HTTPRequestHead
    private let body: [UInt8]
    private let limit: Int
    private let deadline: NIODeadline
    private let answer: EventLoopPromise<HTTPAnswer>
    private var timer: Scheduled<Void>?
    private var head: HTTPResponseHead?
    private var received = ByteBuffer()

    /// - Parameter answer: Whoever completes it closes the channel too.
    init(
        request: HTTPRequestHead, body: [UInt8], limit: Int, deadline: NIODeadline,
        _ answer: EventLoopPromise<HTTPAnswer>
    ) {
        self.request = request
        self.body = body
        self.limit = limit
        self.deadline = deadline
        self.answer = answer
    }

    func channelActive(context: ChannelHandlerContext) {
        timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            self.end(orFailWith: HTTPFailure(.timedOut, "there was no answer in time"))
        }
        // Only a head that may not be sent is of interest here: a server may answer before it has read everything, so a
        // broken pipe decides nothing, and the reading side tells of it.
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenFailure { error in
            guard error is HTTPParserError else { return }
            self.answer.fail(HTTPFailure(.badRequest, "a header holds a character that is not allowed"))
        }
        context.write(wrapOutboundOut(.head(request)), promise: sent)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
        case .body(var bytes):
            let room = limit - received.readableBytes
            if bytes.readableBytes > room {
                if let first = bytes.readSlice(length: room) { received.writeImmutableBuffer(first) }
                end(orFailWith: nil)
            } else {
                received.writeBuffer(&bytes)
            }
        case .end:
            end(orFailWith: nil, isComplete: true)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(orFailWith: HTTPFailure(explaining: error))
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(orFailWith: HTTPFailure(.closed, "the server closed the connection before it answered"))
        context.fireChannelInactive()
    }

    /// With an answer if its head is there: what is missing of the body is no failure of the call.
    private func end(orFailWith failure: HTTPFailure?, isComplete: Bool = false) {
        timer?.cancel()
        timer = nil
        guard let head else {
            if let failure { answer.fail(failure) }
            return
        }
        answer.succeed(
            HTTPAnswer(
                status: Int(head.status.code), headers: head.headers.map { ($0.name, $0.value) },
                body: Array(received.readableBytesView), isComplete: isComplete))
    }
}
