import JSON
import Testing

@testable import OpenClaw

@Suite struct SessionKeysTests {
    @Test(arguments: [
        ("main", "agent:main:main"), (" Main ", "agent:main:main"), ("webchat-A", "agent:main:webchat-a"),
        ("agent:main:main", "agent:main:main"), ("agent:Ops:Webchat-1", "agent:ops:webchat-1"),
        ("agent:ops:main", "agent:ops:main"), ("GLOBAL", "global"), ("unknown", "unknown"), ("", ""),
        ("agent:ops", "agent:main:agent:ops"), ("agent:main:a:b", "agent:main:a:b"),
    ])
    func defaults(key: String, canonical: String) {
        #expect(SessionKeys().canonical(key) == canonical)
        #expect(SessionKeys().canonical(canonical) == canonical)
    }

    @Test(arguments: [
        ("main", "agent:ops:home"), ("home", "agent:ops:home"), ("agent:dev:main", "agent:dev:home"),
        ("agent:dev:home", "agent:dev:home"), ("agent:main:main", "agent:ops:home"), ("agent:main:x", "agent:main:x"),
        ("x", "agent:ops:x"),
    ])
    func namedAgentsAndMainKey(key: String, canonical: String) {
        var keys = SessionKeys()
        keys.defaultAgentID = "ops"
        keys.mainKey = "home"
        keys.agentIDs = ["ops", "dev"]
        #expect(keys.canonical(key) == canonical)
    }

    @Test(arguments: [("main", "global"), ("agent:main:main", "global"), ("x", "agent:main:x"), ("global", "global")])
    func globalScope(key: String, canonical: String) {
        var keys = SessionKeys()
        keys.read(sessionDefaults: ["defaultAgentId": "main", "mainKey": "main", "mainSessionKey": "global"])
        #expect(keys.canonical(key) == canonical)
    }

    @Test func agentOfAKey() {
        #expect(SessionKeys.agentID(of: "agent:ops:x") == "ops")
        #expect(SessionKeys.agentID(of: "global") == nil)
    }
}
