import MiddlewareKit
import NIOCore
import NIOHTTPTypes

/// Sees to it that a request arrives whole in time: one that comes slowly, or stops half way, must not hold its connection
/// for ever. Answers may take as long as they like.
final class RequestDeadline: ChannelInboundHandler {
    typealias InboundIn = HTTPRequestPart

    /// What who reads the body is told.
    struct Missed: Error {}

    /// How long the answer to a late request may take, and the other side to close.
    private static let farewell = TimeAmount.seconds(5)

    private let limit: TimeAmount
    private var isIncomplete = false
    private var hasMissed = false
    private var timer: Scheduled<Void>?

    init(limit: TimeAmount) { self.limit = limit }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head: isIncomplete = true
        case .body: break
        case .end:
            isIncomplete = false
            if !hasMissed { cancel() }
        }
        context.fireChannelRead(data)
    }

    /// Most requests come in one piece, and cost no timer.
    func channelReadComplete(context: ChannelHandlerContext) {
        if isIncomplete, timer == nil {
            timer = context.eventLoop.assumeIsolated().scheduleTask(in: limit) { self.miss(context) }
        }
        context.fireChannelReadComplete()
    }

    func channelInactive(context: ChannelHandlerContext) {
        cancel()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { cancel() }

    private func miss(_ context: ChannelHandlerContext) {
        hasMissed = true
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: Self.farewell) { context.close(promise: nil) }
        context.fireErrorCaught(Missed())
    }

    private func cancel() {
        timer?.cancel()
        timer = nil
    }
}

extension Rejection {
    static let requestTimeout = Rejection(
        code: "request_timeout", message: "The request did not arrive whole in time. Send it again.")
}
