import Logging
import MiddlewareKit
import PipelineEngine
import Settings
import Tracing

/// Makes the chains of a configuration.
struct ChainFactory: Sendable {
    /// How long a stage may take to be made. One that never is must not keep the server from being reloaded or stopped.
    static let patience = Duration.seconds(60)
    /// After which time the log says what is being waited for.
    static let noticeable = Duration.seconds(5)

    let keeper: StageKeeper
    /// Nil: calls of stages are not traced.
    let tracer: (any Tracer)?
    let time: any TimeSource
    /// What a stage with this name gets to work with.
    let provisionContext: @Sendable (_ stageName: String) -> ProvisionContext

    /// - Parameter old: Chains whose instances are taken over by stages with the same kind, name and options.
    /// - Throws: ``StartFailure`` when a stage cannot be made. What was made for the new chains is cleaned up then, and did
    ///   nothing beside messages.
    func make(_ plan: PlannedChains, generation: Int, reusing old: ChainSet?) async throws -> ChainSet {
        var instances: [String: StageInstance] = [:]
        for stage in old?.all.flatMap(\.chain.stages) ?? [] { instances[stage.instance.identity] = stage.instance }
        var new: [StageKeeper.Kept] = []
        let standard = try await chain(ChainSet.standardName, plan.pipeline.stages, generation, &instances, &new)
        var named: [(name: String, chain: Chain)] = []
        for other in plan.named {
            named.append(
                (other.name, try await chain(other.name, other.chain.stages, generation, &instances, &new)))
        }
        for kept in new { kept.begin() }
        return ChainSet(standard: standard, named: named, attachments: plan.attachments)
    }

    private func chain(
        _ name: String, _ plan: [PlannedStage], _ generation: Int, _ instances: inout [String: StageInstance],
        _ new: inout [StageKeeper.Kept]
    ) async throws -> Chain {
        var stages: [Stage] = []
        for planned in plan {
            let (stage, identity) = (planned.entry.name, planned.identity)
            let instance: StageInstance
            if let known = instances[identity] {
                instance = known
            } else {
                let kept = keeper.keep(try await middleware(planned), name: stage, identity: identity)
                new.append(kept)
                instance = kept.instance
                instances[identity] = instance
            }
            stages.append(Stage(planned, instance: instance))
        }
        return Chain(name: name, stages: stages, generation: generation, tracer: tracer, time: time)
    }

    /// Makes what runs in a stage. What is made after the time for it is taken down at once.
    private func middleware(_ stage: PlannedStage) async throws -> any Middleware {
        let context = provisionContext(stage.entry.name)
        // No child: a group would wait for it. It is beside the making, which may never end, and is cancelled when that has.
        let notice = Task { [time] in
            try await time.sleep(for: Self.noticeable)
            context.logger.notice(
                "the stage \(stage.title) is being made for \(Self.noticeable.optionText) already; it is given up after \(Self.patience.optionText) at the latest"
            )
        }
        defer { notice.cancel() }
        do {
            return try await within(
                Self.patience, time, on: StageThreads.shared, orElse: ProvisionTimeout(limit: Self.patience),
                endsWithCaller: true, discard: { await $0.cleanup() }
            ) { try await stage.provision(in: context) }
        } catch {
            let reason = Task.isCancelled ? "the server is being stopped" : "\(error)"
            throw StartFailure("the stage \(stage.title) could not be made: \(reason)")
        }
    }
}

/// A stage was not made in time.
private struct ProvisionTimeout: Error, CustomStringConvertible {
    let limit: Duration
    var description: String { "it was not ready within \(limit.optionText)" }
}

extension PlannedStage {
    /// For sentences: its name, and its kind where that is another word.
    fileprivate var title: String {
        entry.name == entry.use.value ? "“\(entry.name)”" : "“\(entry.name)” (`use: \(entry.use.value)`)"
    }
}
