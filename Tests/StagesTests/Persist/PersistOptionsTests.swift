import MiddlewareKit
import MiddlewareTesting
import Testing

@testable import Stages

@Suite struct PersistOptionsTests {
    @Test func blocksAreKeptUnlessTheyAreToBeDropped() {
        #expect(PluginOptions.read(PersistPlugin.self, [:]).options?.blocks == .keep)
        #expect(PluginOptions.read(PersistPlugin.self, ["blocks": "drop"]).options?.blocks == .drop)
        #expect(PluginOptions.read(PersistPlugin.self, ["blocks": "none"]).options == nil)
    }

    @Test(arguments: [PersistOptions.Blocks.keep, .drop])
    func theStageStoresInTheServersStore(blocks: PersistOptions.Blocks) async throws {
        let store = InMemoryMessageStore()
        var options = PersistOptions()
        options.blocks = blocks
        let harness = try await StageHarness(PersistPlugin.self, options, in: Sample.provision(messages: store))
        _ = await harness.deliver(Sample.event(blocks: [.thinking("hm")]))
        #expect(store.records.map(\.blocks.count) == [blocks == .keep ? 1 : 0])
    }

    @Test func itNeverFailsOpen() {
        #expect(PersistPlugin.kind == "persist")
        #expect(PersistPlugin.defaultOnError == .closed)
        #expect(!PersistPlugin.mayFailOpen)
        #expect(PersistPlugin.defaultTimeout == nil)
    }
}
