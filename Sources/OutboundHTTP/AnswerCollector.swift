import MiddlewareKit
import NIOCore
import NIOHTTP1

/// What is sent over a connection, and what is wanted of the answer.
struct Question: Sendable {
    let request: HTTPRequestHead
    let body: [UInt8]
    /// In bytes of the answer's body.
    let limit: Int
    let deadline: NIODeadline
    /// Whoever completes it decides what becomes of the connection.
    let answer: EventLoopPromise<CollectedAnswer>
}

struct CollectedAnswer: Sendable {
    let answer: HTTPAnswer
    /// The connection is ready for another question.
    let isReusable: Bool
}

/// Sends one question after the other over its connection and collects the answers, each up to a limit of bytes and of time.
final class AnswerCollector: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    /// The one that has no answer yet.
    private var question: Question?
    private var context: ChannelHandlerContext?
    private var timer: Scheduled<Void>?
    private var head: HTTPResponseHead?
    private var received = ByteBuffer()

    /// - Parameter first: Asked as soon as there is a connection.
    init(_ first: Question) { question = first }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelActive(context: ChannelHandlerContext) {
        if let question { send(question, context) }
        context.fireChannelActive()
    }

    /// Asks over a connection that the last answer left open.
    func ask(_ question: Question) {
        guard let context, context.channel.isActive, self.question == nil else {
            return question.answer.fail(HTTPFailure(.closed, "the server closed the connection"))
        }
        self.question = question
        send(question, context)
    }

    private func send(_ question: Question, _ context: ChannelHandlerContext) {
        timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: question.deadline) {
            self.end(orFailWith: HTTPFailure(.timedOut, "there was no answer in time"))
        }
        // Only a head that may not be sent is of interest here: a server may answer before it has read everything, so a
        // broken pipe decides nothing, and the reading side tells of it.
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.whenFailure { error in
            guard error is HTTPParserError else { return }
            question.answer.fail(HTTPFailure(.badRequest, "a header holds a character that is not allowed"))
        }
        context.write(wrapOutboundOut(.head(question.request)), promise: sent)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: question.body)))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // Nobody asked.
        guard let question else { return context.close(promise: nil) }
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
        case .body(var bytes):
            let room = question.limit - received.readableBytes
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
        if question == nil { context.close(promise: nil) }
        end(orFailWith: HTTPFailure(explaining: error))
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(orFailWith: HTTPFailure(.closed, "the server closed the connection before it answered"))
        context.fireChannelInactive()
    }

    /// With an answer if its head is there: what is missing of the body is no failure of the call.
    private func end(orFailWith failure: HTTPFailure?, isComplete: Bool = false) {
        guard let question else { return }
        timer?.cancel()
        timer = nil
        guard let head else {
            if let failure {
                self.question = nil
                question.answer.fail(failure)
            }
            return
        }
        let body = Array(received.readableBytesView)
        self.question = nil
        self.head = nil
        received.clear()
        question.answer.succeed(
            CollectedAnswer(
                answer: HTTPAnswer(
                    status: Int(head.status.code), headers: head.headers.map { ($0.name, $0.value) }, body: body,
                    isComplete: isComplete),
                isReusable: isComplete && head.isKeepAlive))
    }
}
