import Testing

@testable import Stages

@Suite struct ClientNetworkTests {
    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("", ""),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("2001:db8:1:2::6", "2001:db8:1:2::/64"),
        ("2001:db8::6", "2001:db8:0:0::/64"), ("2001:db8::", "2001:db8:0:0::/64"), ("::1", "0:0:0:0::/64"),
        ("::", "0:0:0:0::/64"), ("fe80::1%eth0", "fe80:0:0:0::/64"), ("1:2:3::4:5:6:7", "1:2:3:0::/64"),
    ])
    func anAddressIsCountedByWhatItsOwnerCannotChoose(address: String, network: String) {
        #expect(clientNetwork(of: address) == network)
    }

    @Test(arguments: [":", ":::", "a:b", "1::2::3", "1:2:3:4:5:6:7:8:9::10"])
    func nonsenseIsHarmless(address: String) {
        #expect(clientNetwork(of: address).hasSuffix("::/64"))
    }
}
