import MiddlewareKit
import MiddlewareTesting
import PipelineEngine
import Testing

@Suite struct ConditionTests {
    /// Which kinds of message a stage with a condition meets.
    private func met(_ words: String, handles: StagePaths = .all) async throws -> [String] {
        let log = Log<String>()
        let middleware = ClosureMiddleware(
            handles: handles,
            onInbound: { message, context, next in
                log.append(message.kind.rawValue)
                try await next(message, context)
            },
            onOutbound: { event, context, next in
                log.append(event.kind.rawValue)
                try await next(event, context)
            })
        let chain = Chain(stages: [stage("one", middleware, condition: condition(words))], time: ManualTime())
        for kind in MessageKind.allCases {
            let message = InboundMessage(kind: kind, gateway: "home", sessionKey: "agent:main:one", text: "hello")
            _ = try await chain.send(message, context: context(user: "ada")) { _, _ in }
        }
        for kind in EventKind.allCases {
            _ = try await chain.deliver(event(kind), context: context(user: "ada")) { _, _ in }
        }
        return log.all
    }

    @Test func stagesMeetWhatTheirConditionSays() async throws {
        #expect(try await met("kind in [chat, final]") == ["chat", "final"])
        #expect(try await met("direction == outbound and kind != status") == ["final", "aborted", "error", "message"])
        #expect(try await met("direction == inbound and not kind == chat").count == MessageKind.allCases.count - 1)
        #expect(
            try await met("text starts-with hel or text matches '^ans'") == MessageKind.allCases.map(\.rawValue)
                + EventKind.allCases.map(\.rawValue))
        #expect(try await met("user == ada and kind == chat", handles: StagePaths(inbound: [.chat])) == ["chat"])
        #expect(try await met("kind == chat", handles: StagePaths(inbound: [.abort])) == [])
        #expect(try await met("user == bob") == [])
    }

    @Test func rowsAreContributedOnlyWhereTheConditionHolds() async throws {
        struct Contributor: Middleware, RowContributor {
            func rows(for record: MessageRecord, context: MessageContext) -> [OutboxRow] {
                [OutboxRow(stage: "hook", topic: "message", payload: record.text)]
            }
        }
        let counts = Log<Int>()
        let persist = ClosureMiddleware(onInbound: { message, context, next in
            counts.append(context.contributors.count)
            try await next(message, context)
        })
        for words in ["user == ada", "user == bob", "kind == final"] {
            let chain = Chain(
                stages: [stage("persist", persist), stage("hook", Contributor(), condition: condition(words))],
                time: ManualTime())
            _ = try await chain.send(chat(), context: context(user: "ada")) { _, _ in }
        }
        #expect(counts.all == [1, 0, 0])
    }

    @Test func groupsAndAddressAreThoseOfTheMessageThatStartedTheRun() async throws {
        let staff = MessageContext(
            id: "m", connection: ConnectionInfo(id: "c", remoteAddress: "10.1.2.3"),
            principal: Principal(user: "ada", groups: ["staff"]), logger: quiet)
        let words = "staff in groups and ip in [10.0.0.0/8]"
        let log = Log<String>()
        let middleware = ClosureMiddleware(onOutbound: { event, context, next in
            log.append(event.kind.rawValue)
            try await next(event, context)
        })
        let chain = Chain(stages: [stage("one", middleware, condition: condition(words))], time: ManualTime())
        _ = try await chain.deliver(event(), context: staff) { _, _ in }
        _ = try await chain.deliver(event(), context: context(user: "ada")) { _, _ in }
        #expect(log.all == ["final"])
    }
}
