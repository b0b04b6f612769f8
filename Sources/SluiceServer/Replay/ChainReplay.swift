package import MiddlewareKit
package import MiddlewareTesting
import PipelineEngine
package import Settings
import Stages
import Synchronization

/// Runs what was recorded through the chains of a configuration. No gateway is connected to, no server outside is called, no
/// database is opened: stages that live by those are left out.
package struct ChainReplay: Sendable {
    /// What became of one line of the transcript.
    package enum Outcome: Sendable, Hashable {
        /// It came out of the chain.
        case passed(Shown)
        /// A stage had the answer, so that the gateway is not asked.
        case answered(Shown, answer: String)
        case rejected(code: String, message: String)
        case dropped(stage: String)
        case failed(stage: String)
        /// A part of a reply to a message that went no further.
        case notAsked
        /// A piece of a reply. Its text is judged when the reply is whole.
        case streamed
    }

    /// What the gateway or the browsers would get.
    package struct Shown: Sendable, Hashable {
        package var text: String
        /// What is beside the text, in words: the gateway's words for a failure, blocks, the way of a message.
        package var beside: [String] = []
    }

    /// The stages that are not in the replay, by name.
    package let leftOut: [String]
    private let chains: ChainSet
    private let time: ReplayTime

    /// - Parameter start: When the replay begins.
    /// - Throws: ``StartFailure`` when a stage cannot be made.
    package init(_ loaded: LoadedSettings, start: Timestamp) async throws {
        let time = ReplayTime(start: start)
        let state = InMemoryStateStore(time: time)
        let environment = StageEnvironment(of: loaded.settings?.server ?? ServerSettings())
        let factory = ChainFactory(keeper: StageKeeper(), tracer: nil, time: time) { name in
            var context = ProvisionContext(
                stageName: name, environment: environment, messages: InMemoryMessageStore(),
                keys: InMemoryKeyStore(), state: state, time: time, logger: Sample.logger)
            context[GatewayDirectoryKey.self] = EveryGatewayIsThere()
            return context
        }
        var plan = loaded.chains
        leftOut = plan.stages.filter(\.needsTheOutside).map(\.entry.name)
        plan.pipeline.listed.removeAll(where: \.needsTheOutside)
        for index in plan.named.indices { plan.named[index].chain.listed.removeAll(where: \.needsTheOutside) }
        chains = try await factory.make(plan, generation: 1, reusing: nil)
        self.time = time
    }

    /// What becomes of each line, in order.
    package func outcomes(of transcript: Transcript) async -> [Outcome] {
        var replay = Runs()
        var outcomes: [Outcome] = []
        for (index, entry) in transcript.entries.enumerated() {
            time.advance(to: entry.timestamp)
            outcomes.append(await outcome(of: entry, entry.context(id: "line-\(index + 1)"), &replay))
            for (_, chain) in chains.all { await chain.shadowsAtRest() }
        }
        return outcomes
    }

    /// What the shadows would have done in it, in words, one for each.
    package var shadows: [String] {
        var seen: Set<ObjectIdentifier> = []
        return chains.all.flatMap(\.chain.stages)
            .filter { $0.mode == .shadow && seen.insert(ObjectIdentifier($0.instance)).inserted }
            .map { stage in
                let figures = stage.figures.current
                return
                    "Shadow “\(stage.name)”: \(figures.calls) calls, would have changed \(figures.changes), rejected "
                    + "\(figures.rejections), dropped \(figures.drops); failed \(figures.errors + figures.timeouts)"
            }
    }

    // MARK: One line

    /// The runs of a replay.
    private struct Runs {
        struct Live {
            var chain: Chain
            var context: MessageContext
            var text: ReplyText?
        }

        var live: [String: Live] = [:]
        /// Those whose message went no further, or whose reply did not.
        var ended: Set<String> = []
    }

    private func outcome(
        of entry: Transcript.Entry, _ context: MessageContext, _ runs: inout Runs
    ) async -> Outcome {
        do {
            if let message = entry.message { return try await send(message, context, &runs) }
            guard let run = entry.replyRun, !runs.ended.contains(run.id) else { return .notAsked }
            var live =
                runs.live[run.id]
                ?? Runs.Live(chain: chains.chain(for: MessageFacts(textOf: run, context)), context: context)
            if let event = entry.event { return try await deliver(event, live) }
            guard let change = entry.change else { return .streamed }
            var text = live.text ?? live.chain.makeReplyText(for: run, context: live.context)
            _ = try await text.feedAwaiting(change)
            live.text = text
            runs.live[run.id] = live
            return .streamed
        } catch {
            if let run = entry.run, entry.startsRun || entry.type != .inbound { runs.ended.insert(run) }
            switch error {
            case let rejection as Rejection: return .rejected(code: rejection.code, message: rejection.message)
            case let failure as StageFailure: return .failed(stage: failure.stage)
            default: return .failed(stage: "?")
            }
        }
    }

    private func send(_ message: InboundMessage, _ context: MessageContext, _ runs: inout Runs) async throws
        -> Outcome
    {
        let chain = chains.chain(for: MessageFacts(message, context))
        // A run goes on whatever becomes of a message that is to stop it.
        let run = message.kind == .chat ? message.runID : nil
        let arrived = Mutex<(InboundMessage, MessageContext)?>(nil)
        let passage = try await chain.send(message, context: context) { message, context in
            arrived.withLock { $0 = (message, context) }
        }
        guard case .delivered = passage, let (sent, context) = arrived.withLock({ $0 }) else {
            if let run { runs.ended.insert(run) }
            if case .dropped(let stage) = passage { return .dropped(stage: stage) }
            return .notAsked
        }
        if let run { runs.live[run] = Runs.Live(chain: chain, context: context) }
        let shown = Shown(sent)
        return sent.answer.map { .answered(shown, answer: $0) } ?? .passed(shown)
    }

    private func deliver(_ event: OutboundEvent, _ live: Runs.Live) async throws -> Outcome {
        let arrived = Mutex<OutboundEvent?>(nil)
        let passage = try await live.chain.deliver(event, context: live.context) { event, _ in
            arrived.withLock { $0 = event }
        }
        if case .dropped(let stage) = passage { return .dropped(stage: stage) }
        return arrived.withLock { $0 }.map { .passed(Shown($0)) } ?? .notAsked
    }
}

extension ChainReplay.Outcome {
    /// What became of a line when it was recorded: it is there, so it came through.
    package init(recorded entry: Transcript.Entry) {
        if let message = entry.message {
            self = .passed(ChainReplay.Shown(message))
        } else if let event = entry.event {
            self = .passed(ChainReplay.Shown(event))
        } else {
            self = .streamed
        }
    }
}

extension ChainReplay.Shown {
    fileprivate init(_ message: InboundMessage) {
        text = message.text
        if let route = message.route {
            beside.append("goes to gateway “\(route.gateway)”\(route.agent.map { ", agent “\($0)”" } ?? "")")
        }
    }

    fileprivate init(_ event: OutboundEvent) {
        text = event.text
        beside = (event.detail.map { ["detail: \($0)"] } ?? []) + event.blocks.map { "block: \($0)" }
    }
}

extension PlannedStage {
    /// Stages that ask who somebody is, keep, count or send. A transcript says who its messages are from.
    fileprivate var needsTheOutside: Bool {
        ["auth", "persist", "webhook", "analytics", "http", "process"].contains(plugin.kind)
    }
}

private struct EveryGatewayIsThere: GatewayDirectory {
    func readiness(of gateway: String) -> GatewayReadiness { .connected }
    func objection(to message: InboundMessage, for gateway: String, from principal: Principal) -> Rejection? { nil }
}
