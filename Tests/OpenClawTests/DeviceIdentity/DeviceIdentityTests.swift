import Crypto
import Foundation
import MiddlewareKit
import Testing

@testable import OpenClaw

@Suite struct DeviceIdentityTests {
    @Test func vectorOfTheProtocol() throws {
        let identity = try TestIdentity.make()
        #expect(identity.publicKey == "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg")
        #expect(identity.deviceID == "56475aa75463474c0285df5dbf2bcab73da651358839e9b77481b2eab107708c")
        let signatures: [(ConnectRequest.SignatureVersion, String)] = [
            (.v3, "Y8489e2IihC1Xhz8ngMX3LedBaEk4Q_MRuiFi1iW-1KPYUk7TTHjb2bv9Zzg3a1jY-V4ZvVaotrLHrk7f15jCg"),
            (.v2, "TGYGs8tGc1bWrelsgcHy6pw6O4xfPoi-Y-5EvXP53mwqD9EDxIIlnIQHapN_NMo8n-DOVgJwX_Z88P2hnaMNDQ"),
        ]
        for (version, signature) in signatures {
            let payload = ConnectRequest.signaturePayload(
                version,
                deviceID: identity.deviceID,
                scopes: ["operator.read", "operator.write"],
                signedAt: Timestamp(milliseconds: 1_737_264_000_000),
                token: "tok-123",
                nonce: "nonce-abc",
                platform: "Linux"
            )
            #expect(try identity.sign(payload) == signature)
        }
    }

    @Test(arguments: [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("??>>", "Pz8-Pg")])
    func base64URL(text: String, encoded: String) {
        #expect(Base64URL.encode(Array(text.utf8)) == encoded)
    }

    @Test func theFileIsStableAndPrivate() throws {
        try inTemporaryFolder { folder in
            let path = folder + "/device.json"
            let first = try DeviceIdentity.loadOrCreate(path: path)
            #expect(try DeviceIdentity.loadOrCreate(path: path).deviceID == first.deviceID)
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["device.json"])
        }
    }

    @Test func damagedAndOpenFilesAreRefused() throws {
        try inTemporaryFolder { folder in
            let path = folder + "/device.json"
            _ = try DeviceIdentity.loadOrCreate(path: path)
            try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
            #expect(throws: DeviceIdentity.FileError.readableByOthers(path: path)) {
                try DeviceIdentity.loadOrCreate(path: path)
            }
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
            var text = try String(contentsOfFile: path, encoding: .utf8)
            let key = try #require(text.range(of: "privateKey\":\""))
            let digit = text[key.upperBound]
            text.replaceSubrange(key.upperBound...key.upperBound, with: digit == "0" ? "1" : "0")
            for damaged in [text, "", "{}", String(text.prefix(40))] {
                let file = try #require(FileHandle(forWritingAtPath: path))
                try file.truncate(atOffset: 0)
                try file.write(contentsOf: Data(damaged.utf8))
                try file.close()
                #expect(throws: DeviceIdentity.FileError.damaged(path: path)) {
                    try DeviceIdentity.loadOrCreate(path: path)
                }
            }
        }
    }

    private func inTemporaryFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("identity-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder.path)
    }
}
