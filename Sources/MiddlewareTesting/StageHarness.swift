public import MiddlewareKit

/// Runs one middleware alone: what stands before and behind it is the test.
///
/// ```swift
/// let harness = StageHarness(HouseRulesStage(options: HouseRulesOptions()))
/// #expect(await harness.send(Sample.chat("Hello")).message?.text == "Hello")
/// #expect(try await harness.stream(["It is ", "4."]) == "It is 4.")
/// ```
public struct StageHarness: Sendable {
    /// What became of a message.
    public enum Outcome<Message: Sendable>: Sendable {
        /// As the next stage got it.
        case passed(Message, MessageContext)
        case dropped
        case rejected(Rejection)
        case failed(any Error)

        /// The message, if it was passed on.
        public var message: Message? { if case .passed(let message, _) = self { message } else { nil } }
        /// The context, if the message was passed on.
        public var context: MessageContext? { if case .passed(_, let context) = self { context } else { nil } }
        public var rejection: Rejection? { if case .rejected(let rejection) = self { rejection } else { nil } }
    }

    /// What `next` throws when a stage calls it again.
    public struct NextCalledTwice: Error {}

    public let middleware: any Middleware

    public init(_ middleware: any Middleware) { self.middleware = middleware }

    /// Makes the middleware as the server does.
    /// - Throws: What `provision` throws.
    public init<Plugin: MiddlewarePlugin>(
        _ plugin: Plugin.Type, _ options: Plugin.Options, in context: ProvisionContext = Sample.provision()
    ) async throws {
        middleware = try await plugin.provision(options, in: context)
    }

    /// Browser to gateway. `terminal` is called where the next stage would be.
    public func send(
        _ message: InboundMessage, context: MessageContext = Sample.context(),
        terminal: @escaping @Sendable (InboundMessage) async throws -> Void = { _ in }
    ) async -> Outcome<InboundMessage> {
        await outcome(terminal) { try await middleware.inbound(message, context: context, next: $0) }
    }

    /// Gateway to browser. `terminal` is called where the next stage would be.
    public func deliver(
        _ event: OutboundEvent, context: MessageContext = Sample.context(),
        terminal: @escaping @Sendable (OutboundEvent) async throws -> Void = { _ in }
    ) async -> Outcome<OutboundEvent> {
        await outcome(terminal) { try await middleware.outbound(event, context: context, next: $0) }
    }

    /// The visible text of a reply that streams in these pieces, to its end.
    /// - Throws: What a transform that awaits throws.
    public func stream(_ pieces: [String], run: Run = Sample.run()) async throws -> String {
        try await snapshots(pieces, run: run).last ?? ""
    }

    /// The visible text after each piece, and at last after the end.
    /// - Throws: What a transform that awaits throws.
    public func snapshots(_ pieces: [String], run: Run = Sample.run()) async throws -> [String] {
        var reply = VisibleReply(middleware, run: run)
        var snapshots: [String] = []
        for piece in pieces {
            try await reply.feed(piece)
            snapshots.append(reply.text)
        }
        try await reply.finish()
        return snapshots + [reply.text]
    }

    private func outcome<Message: Sendable>(
        _ terminal: @escaping @Sendable (Message) async throws -> Void, of call: (Next<Message>) async throws -> Void
    ) async -> Outcome<Message> {
        var arrived: (Message, MessageContext)?
        do {
            try await call { message, context in
                guard arrived == nil else { throw NextCalledTwice() }
                arrived = (message, context)
                try await terminal(message)
            }
        } catch let rejection as Rejection {
            return .rejected(rejection)
        } catch {
            return .failed(error)
        }
        return arrived.map { .passed($0, $1) } ?? .dropped
    }
}
