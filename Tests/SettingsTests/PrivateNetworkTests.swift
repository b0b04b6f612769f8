import MiddlewareKit
import Settings
import Testing

@Suite struct PrivateNetworkTests {
    @Test(arguments: [
        ("192.168.1.0/30", ["192.168.1.1", "192.168.1.2"]), ("192.168.1.77/30", ["192.168.1.77", "192.168.1.78"]),
        ("10.0.0.5/32", ["10.0.0.5"]), ("172.31.255.0/31", ["172.31.255.0", "172.31.255.1"]),
        ("127.0.0.0/30", ["127.0.0.1", "127.0.0.2"]),
    ])
    func addresses(text: String, expected: [String]) throws {
        #expect(try #require(PrivateNetwork(text)).addresses == expected)
    }

    @Test func theLargestHoldsAThousandHosts() throws {
        #expect(try #require(PrivateNetwork("10.1.0.0/22")).addresses.count == 1022)
    }

    @Test(arguments: [
        "", "10.0.0.0", "10.0.0.0/", "10.0.0.0/21", "10.0.0.0/33", "8.8.8.0/24", "172.32.0.0/24", "192.169.0.0/24",
        "10.0.0/24", "10.0.0.256/24", "+10.0.0.1/24", "10.0.0.0/+24", "a.b.c.d/24", "10.0.0.0.0/24", "::1/24",
    ])
    func everythingElseIsRefused(text: String) {
        #expect(PrivateNetwork(text) == nil)
    }
}
