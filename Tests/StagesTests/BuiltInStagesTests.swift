import Analytics
import MiddlewareKit
import MiddlewareTesting
import Stages
import Testing

@Suite struct BuiltInStagesTests {
    @Test func everyKindIsThereOnce() {
        #expect(BuiltInStages.all.map { $0.kind } == ["auth", "rate-limit", "thinking-strip", "persist", "analytics"])
    }

    @Test(arguments: BuiltInStages.all.indices)
    func everyStageKeepsThePromisesWithItsDefaults(index: Int) async throws {
        #expect(try await violations(of: BuiltInStages.all[index]) == [])
    }

    private func violations<Plugin: MiddlewarePlugin>(of plugin: Plugin.Type) async throws -> [String] {
        var context = Sample.provision()
        context[AnalyticsRecorderSlot.self] = AnalyticsRecorder(store: MemoryAnalytics(), time: context.time)
        let harness = try await StageHarness(plugin, Plugin.Options(), in: context)
        if let told = plugin.handles(Plugin.Options()) { #expect(told == harness.middleware.handles) }
        return await MiddlewareCompatibility.violations(of: harness.middleware)
    }
}
