import MiddlewareKit
import MiddlewareTesting
import Testing

@testable import Stages

@Suite struct RouteTests {
    private struct Directory: GatewayDirectory {
        let states: [String: GatewayReadiness]
        var objection: Rejection?
        func readiness(of gateway: String) async -> GatewayReadiness { states[gateway] ?? .unknown }
        func objection(
            to message: InboundMessage, for gateway: String, from principal: Principal
        ) async -> Rejection? { gateway == "spare" ? objection : nil }
    }

    private func harness(
        _ to: ConfigNode, _ states: [String: GatewayReadiness], objection: Rejection? = nil
    ) async throws -> StageHarness {
        let (options, problems) = PluginOptions.read(RoutePlugin.self, ["to": to])
        #expect(problems == [])
        var context = Sample.provision()
        context[GatewayDirectoryKey.self] = Directory(states: states, objection: objection)
        return try await StageHarness(RoutePlugin.self, try #require(options), in: context)
    }

    private static let two: ConfigNode = [["gateway": "big"], ["gateway": "spare", "agent": "helper"]]

    @Test(arguments: [
        (GatewayReadiness.connected, GatewayReadiness.connected, MessageRoute(gateway: "big")),
        (.queueing, .connected, MessageRoute(gateway: "spare", agent: "helper")),
        (.unknown, .connected, MessageRoute(gateway: "spare", agent: "helper")),
        (.queueing, .queueing, MessageRoute(gateway: "big")),
        (.away, .queueing, MessageRoute(gateway: "spare", agent: "helper")),
    ])
    func theFirstThatIsConnectedGetsIt(
        big: GatewayReadiness, spare: GatewayReadiness, route: MessageRoute
    ) async throws {
        let harness = try await harness(Self.two, ["big": big, "spare": spare])
        #expect(await harness.send(Sample.chat()).message?.route == route)
    }

    @Test func withoutAnyItIsRefused() async throws {
        let harness = try await harness(Self.two, ["big": .away])
        #expect(await harness.send(Sample.chat()).rejection?.code == "gateway_unavailable")
    }

    @Test func itsOwnGatewayIsATargetToo() async throws {
        let own: ConfigNode = [["gateway": "big"], [:]]
        let away = try await harness(own, ["big": .away, "home": .connected])
        let outcome = await away.send(Sample.chat())
        #expect(outcome.message != nil && outcome.message?.route == nil)
        let agent = try await harness([["agent": "helper"]], ["home": .connected])
        #expect(await agent.send(Sample.chat()).message?.route == MessageRoute(gateway: "home", agent: "helper"))
        let same = try await harness([["agent": "main"]], ["home": .connected])
        #expect(await same.send(Sample.chat(session: "agent:main:one")).message?.route == nil)
    }

    @Test func theStageAboveDecides() async throws {
        let harness = try await harness(Self.two, ["big": .connected])
        var message = Sample.chat()
        message.route = MessageRoute(gateway: "other")
        #expect(await harness.send(message).message?.route == MessageRoute(gateway: "other"))
    }

    /// The gateway that gets the message is asked, and no other.
    @Test func theTargetMayObject() async throws {
        let objection = Rejection(code: "command_blocked", message: "no")
        let harness = try await harness(Self.two, ["big": .away, "spare": .connected], objection: objection)
        #expect(await harness.send(Sample.chat()).rejection?.code == "command_blocked")
        let other = try await self.harness(Self.two, ["big": .connected], objection: objection)
        #expect(await other.send(Sample.chat()).message?.route?.gateway == "big")
    }

    @Test func targetsAreNeeded() {
        #expect(PluginOptions.read(RoutePlugin.self, [:]).problems.count == 1)
        #expect(PluginOptions.read(RoutePlugin.self, ["to": []]).problems.count == 1)
        #expect(PluginOptions.read(RoutePlugin.self, ["to": [["gateway": ""]]]).problems.count == 1)
    }
}
