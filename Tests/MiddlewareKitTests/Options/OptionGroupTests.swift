import MiddlewareKit
import Testing

private struct Limit: OptionGroup {
    var requests = 30
    var per: Duration = .seconds(60)
    var name: String?

    static let options: [Option<Self>] = [
        Option("requests", \.requests, help: "How many.", example: "30", isRequired: true, range: 1...100),
        Option("per", \.per, help: "In which time.", check: { $0 == .zero ? "must be longer than 0s" : nil }),
        Option("name", \.name, help: "What it is called."),
    ]
}

private struct Limits: OptionGroup {
    var limits = [Limit()]
    var maxKeys = 10
    var token: Secret?

    static let options: [Option<Self>] = [
        Option("limits", \.limits, help: "The limits."),
        Option("max-keys", \.maxKeys, help: "How many keys."),
        Option("token", \.token, help: "A token."),
    ]
}

@Suite struct OptionGroupTests {
    @Test func optionsThatAreNotGivenKeepTheirDefault() {
        let none = ConfigNode(position: place, content: .null)
        let limit = read(Limit.self, mapping(("requests", plain("5")), ("per", none))).value
        #expect(limit?.requests == 5 && limit?.per == .seconds(60) && limit?.name == nil)
        #expect(read(Limits.self, none).value?.maxKeys == 10)
    }

    @Test func everythingWrongIsReportedAtOnceWithItsPlace() {
        var findings = Findings()
        let inner = mapping(("per", plain("soon", column: 6)), ("perr", plain("1m")))
        let node = mapping(
            ("limits", list(inner)), ("max_keys", plain("1")), ("token", list()), ("colour", plain("red")),
            ("limits", list())
        )
        #expect(Limits.read(node, findings: &findings) == nil)
        #expect(
            findings.all.map(\.description)
                == [
                    "test.yaml:1:1: error: `requests` is missing (for example requests: 30)",
                    "test.yaml:1:1: error: `token` must be text, not a list",
                    "test.yaml:1:6: error: `per` must be a duration such as 30s or 1m, not `soon` "
                        + "(write a whole number and ms, s, m, h or d)",
                    "test.yaml:2:1: error: `perr` is not an option here (did you mean `per`?)",
                    "test.yaml:2:1: error: `max_keys` is not an option here (did you mean `max-keys`?)",
                    "test.yaml:4:1: error: `colour` is not an option here (known are limits, max-keys, token)",
                    "test.yaml:5:1: error: `limits` is given twice; the first one is in line 1, column 1 "
                        + "(keep one of them)",
                ])
    }

    @Test func rangesAndChecks() {
        #expect(
            read(Limit.self, mapping(("requests", plain("0")))).findings == ["`requests` must be in the range 1 to 100"]
        )
        #expect(
            read(Limit.self, mapping(("requests", plain("1")), ("per", plain("0s")))).findings
                == ["`per` must be longer than 0s"])
        #expect(read(Limit.self, mapping(("requests", plain("100")))).value?.requests == 100)
    }

    @Test func salvageKeepsTheRest() {
        var findings = Findings()
        let group = Limits.salvage(mapping(("max-keys", plain("7")), ("limits", plain("x"))), findings: &findings)
        #expect(group?.maxKeys == 7 && group?.limits.count == 1)
        #expect(findings.hasErrors)
    }

    @Test func aGroupIsAMapping() {
        #expect(
            read(Limit.self, plain("x")).findings == [
                "`key` must be a mapping such as { requests: … }, not `x` (write requests: x)"
            ])
    }

    @Test func descriptions() {
        let descriptions = Limits.descriptions
        #expect(descriptions.map(\.key) == ["limits", "max-keys", "token"])
        #expect(descriptions.map(\.isSecret) == [false, false, true])
        #expect(descriptions.map(\.defaultText) == ["[{ requests: 30, per: 1m }]", "10", nil])
        #expect(Limit.descriptions[0].rangeText == "1 to 100")
        #expect(Limit.descriptions[0].isRequired && Limit.descriptions[0].defaultText == nil)
        #expect(descriptions[0].type == .list(of: .group(name: "Limit", Limit.descriptions)))
    }
}
