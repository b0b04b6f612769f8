import Testing

@testable import OpenClawTesting

struct SessionKeysTests {
    private func keys(
        defaultAgent: String = "main",
        mainKey: String = "main",
        agents: [String] = ["main"],
        isGlobal: Bool = false
    ) -> SessionKeys {
        SessionKeys(defaultAgentID: defaultAgent, mainKey: mainKey, agentIDs: agents, isGlobalScope: isGlobal)
    }

    @Test(arguments: [
        ("main", "agent:main:main"),
        (" MAIN ", "agent:main:main"),
        ("webchat-A", "agent:main:webchat-a"),
        ("agent:main:webchat-A", "agent:main:webchat-a"),
        ("agent:other:Room:7", "agent:other:room:7"),
        ("agent:other:main", "agent:other:main"),
        ("Global", "global"),
        ("unknown", "unknown"),
    ])
    func canonicalForms(key: String, canonical: String) {
        #expect(keys().canonical(key) == canonical)
    }

    @Test func theConfiguredMainKeyIsAnAlias() {
        let keys = keys(defaultAgent: "home", mainKey: "desk", agents: ["home"])
        for alias in ["main", "desk", "agent:home:main", "agent:home:desk", "agent:main:main"] {
            #expect(keys.canonical(alias) == "agent:home:desk")
        }
        #expect(keys.mainSessionKey == "agent:home:desk")
    }

    @Test func underGlobalScopeAllMainSessionsAreOne() {
        let keys = keys(isGlobal: true)
        for alias in ["main", "agent:main:main", "global"] { #expect(keys.canonical(alias) == "global") }
        #expect(keys.canonical("webchat-1") == "agent:main:webchat-1")
        #expect(keys.agentID(of: "global") == "main")
        #expect(keys.agentID(of: "agent:other:x") == "other")
    }
}
