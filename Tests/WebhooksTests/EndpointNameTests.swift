import JSON
import MiddlewareKit
import Testing
import Webhooks

struct EndpointNameTests {
    /// The calls and commands that change, test and remove an endpoint go by its name alone.
    @Test func anAddedEndpointHasANameThatNoStageHas() async throws {
        let rig = try WorkerRig()
        let registry = WebhookRegistry()
        let workers = [
            rig.worker([try WorkerRig.endpoint("one")], stage: "above"),
            rig.worker([try WorkerRig.endpoint("two")], stage: "below"),
        ]
        for worker in workers { #expect(registry.add(worker) == nil) }
        let administration = WebhookAdministration(registry: registry, store: rig.database, time: rig.time)
        func add(_ name: String, to stage: String) async throws {
            _ = try await administration.addEndpoint([
                "name": .string(name), "url": "https://one.test/hook", "stage": .string(stage),
            ])
        }
        try await add("three", to: "above")
        for (name, stage) in [("one", "below"), ("two", "above"), ("three", "below"), ("three", "above")] {
            await #expect(throws: Rejection.self, "\(name) in \(stage)") { try await add(name, to: stage) }
        }
        try await add("four", to: "below")
    }
}
