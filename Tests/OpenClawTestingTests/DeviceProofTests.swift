import JSON
import Testing

@testable import OpenClawTesting

/// The protocol's own test vector: both signatures over the same request must verify.
struct DeviceProofTests {
    static let versionThree = "Y8489e2IihC1Xhz8ngMX3LedBaEk4Q_MRuiFi1iW-1KPYUk7TTHjb2bv9Zzg3a1jY-V4ZvVaotrLHrk7f15jCg"
    static let versionTwo = "TGYGs8tGc1bWrelsgcHy6pw6O4xfPoi-Y-5EvXP53mwqD9EDxIIlnIQHapN_NMo8n-DOVgJwX_Z88P2hnaMNDQ"
    static let deviceID = "56475aa75463474c0285df5dbf2bcab73da651358839e9b77481b2eab107708c"

    private func parameters(signature: String, platform: String = "Linux") -> JSONValue {
        [
            "client": ["id": "gateway-client", "mode": "backend", "platform": .string(platform)],
            "role": "operator",
            "scopes": ["operator.read", "operator.write"],
            "auth": ["token": "tok-123"],
            "device": [
                "id": .string(Self.deviceID), "publicKey": "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg",
                "signature": .string(signature), "signedAt": 1_737_264_000_000, "nonce": "nonce-abc",
            ],
        ]
    }

    private func verify(_ parameters: JSONValue, now: Int64 = 1_737_264_000_000) throws -> String {
        try DeviceProof(parameters: parameters, nonce: "nonce-abc", now: now, allowedSkew: 120_000).verify()
    }

    @Test(arguments: [versionThree, versionTwo])
    func theVectorVerifies(signature: String) throws {
        #expect(try verify(parameters(signature: signature)) == Self.deviceID)
    }

    @Test func onlyVersionThreeBindsThePlatform() throws {
        #expect(throws: GatewayRefusal.self) { try verify(parameters(signature: Self.versionThree, platform: "macos")) }
        #expect(try verify(parameters(signature: Self.versionTwo, platform: "macos")) == Self.deviceID)
    }

    @Test(arguments: [-120_000, 120_000])
    func theSkewMayBeTwoMinutes(skew: Int64) throws {
        #expect(try verify(parameters(signature: Self.versionThree), now: testTime + skew) == Self.deviceID)
        #expect(throws: GatewayRefusal.self) {
            try verify(parameters(signature: Self.versionThree), now: testTime + skew + skew.signum())
        }
    }

    /// A `connect` as a real gateway accepted it.
    @Test func aRecordedRequestVerifies() throws {
        let recorded = try JSONValue(
            parsing: """
                {"minProtocol":3,"maxProtocol":3,"client":{"id":"gateway-client","version":"0.0.1","platform":"linux",
                "mode":"backend"},"role":"operator","scopes":["operator.read","operator.write","operator.admin",
                "operator.approvals","operator.pairing"],"caps":[],"auth":{"token":"secret-token"},"device":{
                "id":"d129d622fa33034f367d07a699a3a107d398dd0f4035f288dc352037408b8bdb",
                "publicKey":"wu7qqc-SrnIqah22xj9JXbiJvhKdY7uBV6aFyrc89mc",
                "signature":"AXoMrQkfBBMlUFdS07q6l_MxYrUETQMJnu18HscpKZK8u3r3zA42lu-Gylq0WF4jAiHrpNPanPaJ6YNGpqknCw",
                "signedAt":1795385435113,"nonce":"000baa8a-b703-4936-bd7c-3e80307d4513"}}
                """
        )
        #expect(GatewayMethod.connect.parameters(.v3).problems(in: recorded) == [])
        let proof = DeviceProof(
            parameters: recorded,
            nonce: "000baa8a-b703-4936-bd7c-3e80307d4513",
            now: 1_795_385_435_109,
            allowedSkew: 120_000
        )
        #expect(try proof.verify() == recorded["device"]?["id"]?.string)
    }
}
