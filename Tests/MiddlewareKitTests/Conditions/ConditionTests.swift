import Testing

@testable import MiddlewareKit

@Suite struct ConditionTests {
    private let facts = MessageFacts(
        direction: .inbound, kind: "chat", gateway: "home", agent: "support-1", model: "openai/gpt-5",
        session: "agent:support-1:web", user: "ada", groups: ["staff", "night shift"], address: "10.1.2.3",
        text: "Hello wörld")

    @Test(arguments: [
        ("kind == chat", true), ("kind != chat", false), ("kind in [abort, chat]", true), ("kind not in [chat]", false),
        ("direction == inbound", true), ("direction == \"outbound\" or user == ada", true), ("not user == ada", false),
        ("gateway == home and agent starts-with support-", true),
        ("gateway == work or (user == ada and kind == chat)", true),
        ("not (gateway == home or user == bob)", false), ("not not user == ada", true),
        ("user == bob or user == eve and kind == chat", false), ("user == ada or user == eve and kind == abort", true),
        ("staff in groups", true), ("'night shift' in groups", true), ("admins in groups", false),
        ("admins not in groups", true), ("session starts-with \"agent:support-1:\"", true),
        ("session == agent:support-1:web", true), ("model matches 'gpt|claude'", true), ("model matches '^gpt'", false),
        ("text matches 'w.rld$'", true), ("text matches '(?i)HELLO'", true), ("text == 'Hello wörld'", true),
        ("text-size == 12", true), ("text-size > 12", false), ("text-size >= 12", true), ("text-size < 1KiB", true),
        ("text-size <= 11", false), ("text-size != 12", false),
        ("ip == 10.1.2.3", true), ("ip in [192.168.0.0/16, 10.0.0.0/8]", true), ("ip != \"::1\"", true),
        ("user == \"in\"", false), ("user in [\"a,b\", ada]", true),
    ])
    func answers(_ text: String, _ expected: Bool) throws {
        #expect(try Condition(parsing: text).matches(facts) == expected)
    }

    @Test(arguments: [
        "session == x", "session starts-with x", "agent in [x]", "user matches .", "model == x", "ip in [0.0.0.0/0]",
    ])
    func factsThatAMessageDoesNotHaveEqualNothing(_ text: String) throws {
        let bare = MessageFacts(direction: .inbound, kind: "gateways")
        #expect(try !Condition(parsing: text).matches(bare))
        #expect(try Condition(parsing: "not \(text)").matches(bare))
    }

    @Test(arguments: [
        ("", 0, "a comparison is expected here, not the end of the condition", "such as kind == chat"),
        ("knid == chat", 0, "there is no fact `knid` of a message", "did you mean `kind`?"),
        ("kind = chat", 5, "`=` means nothing in a condition", "write == for “equals”"),
        ("kind == chat && user == ada", 13, "`&` means nothing in a condition", "write and"),
        ("kind == chat user == ada", 13, "`user` does not fit here", "join comparisons with and / or"),
        ("kind == chatt", 8, "`kind` is never `chatt`", "did you mean `chat`?"),
        ("kind matches chat", 5, "`kind` cannot be compared with `matches`", "such as kind in [chat, final]"),
        ("user in ada", 8, "a list is expected behind `in`, not `ada`", "write in [a, b]"),
        (
            "user == session", 8, "a value is expected here, and `session` is a fact",
            "put quotes around it if it is meant as a value"
        ),
        (
            "user in groups", 0, "a value is expected here, and `user` is a fact",
            "put quotes around it if it is meant as a value"
        ),
        ("true", 0, "there is no fact `true` of a message", "leave `when` out: then it is for every message"),
        ("'staff' in user.groups", 11, "`groups` is expected here, not `user.groups`", "such as staff in groups"),
        ("user in [ada bob]", 13, "`,` or `]` is expected here, not `bob`", nil),
        ("user == and", 8, "a value is expected here, not `and`", "put quotes around it if it is meant as a value"),
        ("user ada", 5, "a comparison is expected behind `user`, not `ada`", "such as user in [ada, bob]"),
        ("(user == ada", 12, "`)` is expected here, not the end of the condition", nil),
        ("user == 'ada", 8, "a quote that is not closed", "add the closing quote"),
        ("groups == staff", 7, "`groups` cannot be compared with `==`", "such as staff in groups"),
        ("text-size > large", 12, "`large` is no size", "such as 500, 64KiB or 1MiB"),
        (
            "ip == 10.0.0.0/33", 6, "`10.0.0.0/33` is no IP address and no network",
            "such as 192.168.1.5, 10.0.0.0/8 or \"::1\""
        ),
        ("text matches 'a(b'", 15, "a `(` that is not closed", nil),
        ("user not == ada", 9, "a comparison is expected behind `user`, not `==`", "such as user in [ada, bob]"),
    ])
    func sayWhatIsWrongAndWhere(_ text: String, _ offset: Int, _ message: String, _ hint: String?) {
        #expect(throws: ConditionError(offset: offset, message: message, hint: hint)) {
            try Condition(parsing: text)
        }
    }

    @Test func whatNoMessageCanMeetIsAnError() throws {
        for text in [
            "kind == final and direction == inbound", "kind == chat and kind == abort",
            "not kind != chat and kind == final", "user == a and user == b", "user in [a, b] and user not in [b, a]",
            "session == agent:a:web and session starts-with agent:b:", "text-size < 10 and text-size > 1KiB",
            "staff in groups and staff not in groups", "text-size < 0", "kind == chat and (user == a and user == b)",
        ] {
            #expect(try !Condition(parsing: text).canHold)
        }
        for text in [
            "user == a or user == b", "user == a and agent == b", "user in [a, b] and user != b",
            "session == agent:a:web and session starts-with agent:a:", "text-size < 10 and text-size > 5",
            "staff in groups and admins not in groups",
        ] {
            #expect(try Condition(parsing: text).canHold)
        }
    }

    @Test func comparisonsAreTold() throws {
        let condition = try Condition(parsing: "gateway in [home, 'my work'] and not staff in groups or text-size > 5")
        #expect(
            condition.comparisons.map { "\($0.fact) \($0.operation) \($0.value) \($0.offset)" } == [
                "gateway in home 12", "gateway in my work 18", "groups in staff 37", "text-size > 5 68",
            ])
    }

    @Test(arguments: [
        ("user == ada or user == bob", "user in [bob, ada]"),
        ("user == ada or staff in groups or user in [bob, eve]", "user in [ada, bob, eve] or staff in groups"),
        ("user == ada or agent == ada", "user == ada or agent == ada"),
    ])
    func whatAFactMayBeIsAskedOnce(_ text: String, _ same: String) throws {
        #expect(try Condition(parsing: text).test == Condition(parsing: same).test)
        #expect(try Condition(parsing: text).matches(facts))
    }

    @Test func narrowingLeavesOnlyWhatIsOpen() throws {
        let condition = try Condition(parsing: "kind == chat and user == ada or direction == outbound")
        #expect(condition.narrowed(to: .inbound, "chat").constant == nil)
        #expect(condition.narrowed(to: .inbound, "abort").constant == false)
        #expect(condition.narrowed(to: .outbound, "final").constant == true)
    }

    @Test func sizeAndDepthAreBounded() {
        let deep = String(repeating: "(", count: 60) + "user == a" + String(repeating: ")", count: 60)
        #expect(throws: ConditionError.self) { try Condition(parsing: deep) }
        #expect(throws: ConditionError.self) {
            try Condition(parsing: String(repeating: "not ", count: 60) + "user == a")
        }
        #expect(throws: ConditionError.self) {
            try Condition(parsing: String(repeating: "user == a or ", count: 1000) + "user == b")
        }
    }

    @Test func positionsPointIntoTheText() {
        var findings = Findings()
        var node = ConfigNode(position: place, content: .scalar("user == a and knd == chat", isPlain: true))
        node.places = [
            TextPlace(offset: 0, position: SourcePosition(file: "f", line: 2, column: 10)),
            TextPlace(offset: 14, position: SourcePosition(file: "f", line: 3, column: 5)),
        ]
        #expect(Condition.read(node, findings: &findings) == nil)
        #expect(findings.all.first?.position == SourcePosition(file: "f", line: 3, column: 5))
    }

    /// What a variable holds is one value; what is wrong beside it is told as anywhere.
    @Test(
        arguments: [
            (#"user == "${V}""#, #"user == "ada""#, nil, 1),
            (
                #"user == "${V}""#, #"user == "bob" or user != "zzz""#,
                "what a variable holds here is more than one value", 9
            ),
            (
                "user == ${V}", "user == ada or direction == inbound",
                "what a variable holds here is more than one value", 8
            ),
            (#"user == "${V}""#, #"user == "it's""#, nil, 1),
            (#"user == '${V}'"#, #"user == 'it's'"#, "what a variable holds here is more than one value", 9),
            ("${V}", "user == ada and kind == chat", nil, 1),
            ("ip in [${V}]", "ip in [10.0.0.0/8]", nil, 1), ("kind == ${V}", "kind == chat", nil, 1),
            (#"user = "${V}""#, #"user = "ada""#, "`=` means nothing in a condition", 5),
            (#"nosuch == "${V}""#, #"nosuch == "ada""#, "there is no fact `nosuch` of a message", 0),
        ] as [(String, String, String?, Int)])
    func aVariableIsOneValue(written: String, filled: String, problem: String?, offset: Int) {
        var findings = Findings()
        var node = ConfigNode(
            position: place, content: .scalar(filled, isPlain: true), isFromEnvironment: true)
        node.written = written
        let condition = Condition.read(node, findings: &findings)
        #expect((condition == nil) == (problem != nil))
        #expect(findings.all.map(\.message) == [problem].compactMap(\.self))
        if problem != nil { #expect(findings.all.first?.position == node.position(ofScalar: offset)) }
    }

    @Test func findingsDoNotRepeatTheEnvironment() {
        var findings = Findings()
        let node = ConfigNode(
            position: place, content: .scalar("hunter2 == x", isPlain: true), isFromEnvironment: true)
        #expect(Condition.read(node, findings: &findings) == nil)
        #expect(findings.all.map(\.message) == ["the environment variable holds no condition"])
    }
}

@Suite struct AddressTests {
    @Test(arguments: [
        ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false), ("0.0.0.0/0", "1.2.3.4", true),
        ("192.168.1.5", "192.168.1.5", true), ("192.168.1.5", "192.168.1.6", false), ("::1", "::1", true),
        ("fd00::/8", "fd12:3456::1", true), ("fd00::/8", "fe80::1%eth0", false), ("fe80::/10", "fe80::1%eth0", true),
        ("10.0.0.0/8", "::ffff:10.1.1.1", true), ("::/0", "10.1.1.1", true),
        ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8", true),
        ("2001:db8::/65", "2001:db8::8000:0:0:1", false), ("2001:db8::/65", "2001:db8::1", true),
    ])
    func ranges(_ range: String, _ address: String, _ expected: Bool) throws {
        let network = try #require(IPNetwork(range))
        #expect(network.covers(try #require(IPAddress(peer: address))) == expected)
    }

    @Test(arguments: [
        "", "10.0.0", "10.0.0.256", "10.0.0.0/33", "10.0.0.0/", "::1/129", "1:2:3", "1::2::3", ":::", "g::", "home",
    ])
    func everythingElseIsNoRange(_ text: String) { #expect(IPNetwork(text) == nil) }
}
