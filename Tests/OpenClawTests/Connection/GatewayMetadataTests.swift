import JSON
import MiddlewareKit
import Testing

@testable import OpenClaw

@Suite struct GatewayMetadataTests {
    @Test func agents() {
        var metadata = GatewayMetadata()
        metadata.read(agentsList: [
            "defaultId": "ops", "mainKey": "home", "scope": "global",
            "agents": [
                ["id": "ops", "name": "Ops", "identity": ["name": "Olga"]], ["id": "dev"],
                ["id": "s", "kind": "system"], 5,
            ],
        ])
        #expect(metadata.agents == [.init(id: "ops", name: "Olga"), .init(id: "dev", name: "dev")])
        #expect(metadata.defaultAgentID == "ops")
        #expect(metadata.isGlobalScope)
        #expect(metadata.agentRows.count == 2)
    }

    static let modelLists: [JSONValue] = [
        ["models": [["id": "echo-1", "provider": "fake", "contextWindow": 8]]],
        [["id": "echo-1", "provider": "fake", "contextWindow": 8]],
    ]

    @Test(arguments: modelLists)
    func models(answer: JSONValue) {
        var metadata = GatewayMetadata()
        metadata.read(modelsList: answer)
        #expect(metadata.models == [.init(id: "fake/echo-1", name: "echo-1", provider: "fake", contextWindow: 8)])
        metadata.read(sessionsList: ["defaults": ["modelProvider": "fake", "model": "echo-1"]])
        #expect(metadata.defaultModel == "fake/echo-1")
    }

    @Test func secretsAreNeverPrinted() {
        let configuration = GatewayConfiguration(id: "a", name: "a", url: "ws://a", token: Secret("hunter2"))
        var dumped = ""
        dump(configuration, to: &dumped)
        #expect(!"\(configuration)\(dumped)\(String(reflecting: configuration))".contains("hunter2"))
    }
}
