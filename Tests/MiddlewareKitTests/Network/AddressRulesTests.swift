import MiddlewareKit
import Testing

@Suite struct AddressRulesTests {
    @Test(arguments: [
        "0.0.0.0", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.255", "169.254.169.254",
        "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.168.0.1", "198.18.0.1", "198.51.100.9",
        "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16", "::", "::1",
        "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::1", "100::1", "2001::1",
        "2001:db8::1", "2002:7f00:1::", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1",
        "ff02::1",
    ])
    func addressesThatAreNotPublic(text: String) throws {
        #expect(AddressRules().refusal(of: try #require(IPAddress(text))) != nil)
    }

    @Test(arguments: [
        "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
        "128.0.0.1",
        "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0",
        "223.255.255.255",
        "2606:4700::1111", "2a00:1450:4001::1", "2001:4860:4860::8888", "64:ff9b::8.8.8.8",
    ])
    func publicAddresses(text: String) throws {
        #expect(AddressRules().refusal(of: try #require(IPAddress(text))) == nil)
    }

    @Test func namedNetworksAreAllowed() throws {
        let rules = AddressRules(allowed: [try #require(IPNetwork("10.1.0.0/16")), try #require(IPNetwork("fd00::/8"))])
        #expect(rules.refusal(of: try #require(IPAddress("10.1.255.1"))) == nil)
        #expect(rules.refusal(of: try #require(IPAddress("10.2.0.1"))) == "it is a private address")
        #expect(rules.refusal(of: try #require(IPAddress("fd12::1"))) == nil)
        #expect(rules.refusal(of: try #require(IPAddress("fe80::1"))) != nil)
        // The address inside has been allowed, its other spelling has not.
        #expect(rules.refusal(of: try #require(IPAddress("::ffff:10.1.0.1"))) != nil)
    }

    @Test func ports() {
        #expect(AddressRules().refusal(ofPort: 443) == nil)
        #expect(AddressRules().refusal(ofPort: 22) == "port 22 is not one of the allowed ports")
    }
}

@Suite struct IPAddressTests {
    @Test(arguments: [
        ("1.2.3.4", "1.2.3.4"), ("::", "0:0:0:0:0:0:0:0"), ("::1", "0:0:0:0:0:0:0:1"), ("1::", "1:0:0:0:0:0:0:0"),
        ("fe80::A:b", "fe80:0:0:0:0:0:a:b"), ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        ("::ffff:1.2.3.4", "0:0:0:0:0:ffff:102:304"), ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
    ])
    func readsAndWrites(text: String, normal: String) {
        #expect(IPAddress(text)?.description == normal)
    }

    @Test(arguments: [
        "", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.+4", "127.1", "0x7f000001", ":", ":::", "1:::2",
        "::1::2",
        "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::8:9", "12345::", "::g", "::+1", "::-0", "fe80::1%eth0",
        "1.2.3.4::", "::1.2.3.4:5", " 1.2.3.4",
    ])
    func refuses(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test func networks() throws {
        let network = try #require(IPNetwork("192.168.4.7/22"))
        #expect(network.contains(try #require(IPAddress("192.168.7.255"))))
        #expect(!network.contains(try #require(IPAddress("192.168.8.0"))))
        #expect(!network.contains(try #require(IPAddress("::ffff:192.168.4.7"))))
        #expect(try #require(IPNetwork("0.0.0.0/0")).contains(try #require(IPAddress("8.8.8.8"))))
        #expect(try #require(IPNetwork("::1")).contains(try #require(IPAddress("::1"))))
        for wrong in ["10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/8/8", "::/129", "home"] {
            #expect(IPNetwork(wrong) == nil, "\(wrong)")
        }
    }
}

@Suite struct HTTPAddressTests {
    @Test func takesAnAddressApart() throws {
        let address = try HTTPAddress("HTTPS://Example.com:8443/a/b?c=d")
        #expect(address.isSecure)
        #expect(address.host == "example.com")
        #expect(address.port == 8443)
        #expect(address.target == "/a/b?c=d")
        #expect(address.authority == "example.com:8443")
        #expect(address.revealed == "https://example.com:8443/a/b?c=d")
        #expect(try HTTPAddress("http://example.com").revealed == "http://example.com/")
        #expect(try HTTPAddress("http://example.com?a").target == "/?a")
        #expect(try HTTPAddress("http://[::1]:81/").authority == "[::1]:81")
    }

    @Test func printsWithoutPathAndQuery() throws {
        let address = try HTTPAddress("https://hooks.example.com/services/T0/secret?token=secret")
        #expect("\(address)" == "https://hooks.example.com/…")
        var text = ""
        dump(address, to: &text)
        #expect(!(text + String(reflecting: address) + address.optionText).contains("secret"))
    }

    @Test(arguments: [
        "", "example.com", "ftp://example.com", "http://", "http:///x", "http://user@example.com", "http://a b/",
        "http://a/ b",
        "http://example.com#x", "http://example.com:0", "http://example.com:65536", "http://example.com:+80",
        "http://[::1",
        "http://[1.2.3.4]/", "http://exa\\mple.com", "http://b\u{fc}cher.example/", "http://a/\r\nX: y",
        "http://[::1]x/",
    ])
    func refuses(url: String) {
        #expect(throws: HTTPAddress.Problem.self) { try HTTPAddress(url) }
    }
}
