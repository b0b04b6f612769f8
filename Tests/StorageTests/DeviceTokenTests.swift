import Foundation
import Storage
import Testing

struct DeviceTokenTests {
    private func token(_ text: String, gateway: String = "home") -> StoredDeviceToken {
        StoredDeviceToken(
            gatewayID: gateway, url: "ws://127.0.0.1:18789", deviceID: "device", token: text, role: "operator",
            scopes: ["operator.read", "operator.write"])
    }

    @Test func oneIsKeptForEachGateway() async throws {
        let folder = try TemporaryFolder()
        let first = try folder.open()
        try await first.keepDeviceToken(token("old"))
        try await first.keepDeviceToken(token("issued-secret"))
        try await first.keepDeviceToken(token("other", gateway: "away"))
        try await first.forgetDeviceToken(gatewayID: "away")
        try await first.forgetDeviceToken(gatewayID: "unknown")
        try first.close()
        let second = try folder.open()
        #expect(try await second.deviceTokens() == [token("issued-secret")])
        try second.close()
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            let bytes = try Data(contentsOf: URL(filePath: "\(folder.path)/\(name)"))
            #expect(bytes.range(of: Data("issued-secret".utf8)) == nil)
        }
    }

    /// Another process may have got a newer one.
    @Test func onlyTheOneThatIsOfNoUseIsForgotten() async throws {
        let folder = try TemporaryFolder()
        let database = try folder.open()
        try await database.keepDeviceToken(token("newer"))
        #expect(try await database.forgetDeviceToken("older", gatewayID: "home") == token("newer"))
        #expect(try await database.deviceTokens() == [token("newer")])
        #expect(try await database.forgetDeviceToken("newer", gatewayID: "home") == nil)
        #expect(try await database.deviceTokens().isEmpty)
        try database.close()
    }

    @Test func oneThatCannotBeDecryptedIsLeftOut() async throws {
        let folder = try TemporaryFolder()
        let first = try folder.open()
        try await first.keepDeviceToken(token("lost"))
        try first.close()
        try FileManager.default.removeItem(atPath: folder.databasePath + ".key")
        let second = try folder.open()
        #expect(try await second.deviceTokens().isEmpty)
        try second.close()
    }
}
