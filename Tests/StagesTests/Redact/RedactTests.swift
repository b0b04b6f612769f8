import MiddlewareKit
import MiddlewareTesting
import Testing

@testable import Stages

@Suite struct RedactTests {
    private func harness(_ block: ConfigNode = [:]) async throws -> StageHarness {
        let (options, problems) = PluginOptions.read(RedactPlugin.self, block)
        #expect(problems == [])
        return try await StageHarness(RedactPlugin.self, try #require(options))
    }

    @Test(arguments: [
        ("write to ada.l@example.co.uk.", "write to [EMAIL]."), ("a@b", "a@b"), ("<x@y.de>", "<[EMAIL]>"),
        ("4111 1111 1111 1111", "[CARD]"), ("4111-1111-1111-1112", "4111-1111-1111-1112"),
        ("card 378282246310005!", "card [CARD]!"), ("94111111111111111", "94111111111111111"),
        ("12 4111111111111111 5", "12 [CARD] 5"), ("5555555555554444", "[CARD]"),
        ("at 1700000000000", "at 1700000000000"),
        ("call +49 30 1234567 now", "call [PHONE] now"), ("(555) 123-4567", "[PHONE]"), ("2026-11-23", "2026-11-23"),
        ("0171/123 45 67", "[PHONE]"), ("version 10.20.30", "version 10.20.30"),
        ("key sk-abcdefghijklmnop1234 x", "key [KEY] x"), ("Bearer abcdefghijklmnopqrstuvwxyz==", "[KEY]"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_1 ok", "[KEY] ok"), ("AKIAIOSFODNN7EXAMPLE", "[KEY]"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\nvQ==\n-----END PRIVATE KEY-----\nend", "[KEY]\nend"), ("", ""),
        ("E123456 and E12", "[STAFF_NO] and E12"),
    ])
    func valuesAreFoundHoweverTheTextIsCut(text: String, expected: String) async throws {
        let harness = try await harness(["mode": "one-way", "patterns": ["staff-no": "\\bE\\d{6}\\b"]])
        #expect(try await harness.stream([text]) == expected)
        #expect(await TextLaw.violation(of: harness.middleware, text: text) == nil)
        #expect(await harness.send(Sample.chat(text)).message?.text == expected)
    }

    /// Numbers with a right check digit, and the same with a wrong one, in all lengths.
    @Test(arguments: 13...19)
    func theCheckDigitDecides(length: Int) async throws {
        let harness = try await harness(["mode": "one-way", "values": ["card"]])
        for number in 0..<8 {
            let digits = [4] + (1..<(length - 1)).map { ($0 * $0 * 7 + number * 13 + $0) % 10 }
            for check in 0..<10 {
                let text = (digits + [check]).map(String.init).joined()
                #expect(try await harness.stream([text]) == (Self.isRight(digits + [check]) ? "[CARD]" : text))
            }
        }
    }

    /// The Luhn formula as ISO/IEC 7812-1 puts it: every second digit from the right counts twice.
    private static func isRight(_ digits: [Int]) -> Bool {
        digits.reversed().enumerated().reduce(0) { sum, item in
            let twice = item.element * 2
            return sum + (item.offset.isMultiple(of: 2) ? item.element : twice > 9 ? twice - 9 : twice)
        }.isMultiple(of: 10)
    }

    @Test func theGatewayGetsPlaceholdersAndTheBrowserTheValues() async throws {
        let harness = try await harness()
        let sent = await harness.send(Sample.chat("ada@x.org, bob@x.org, ada@x.org: 4111111111111111"))
        #expect(sent.message?.text == "[EMAIL_1], [EMAIL_2], [EMAIL_1]: [CARD_1]")
        let reply = "Dear [EMAIL_1], not [EMAIL_3], [CARD_1] [x] ["
        let expected = "Dear ada@x.org, not [EMAIL_3], 4111111111111111 [x] ["
        #expect(try await harness.stream([reply]) == expected)
        #expect(await TextLaw.violation(of: harness.middleware, text: reply) == nil)
        #expect(try await harness.stream(["[EMAIL_1]"], run: Sample.run(session: "agent:main:two")) == "[EMAIL_1]")
        let again = await harness.send(Sample.chat("eve@x.org and bob@x.org"))
        #expect(again.message?.text == "[EMAIL_3] and [EMAIL_2]")
    }

    @Test func whatIsKeptHasPlaceholdersInBothDirections() async throws {
        let harness = try await harness()
        let sent = try #require(await harness.send(Sample.chat("I am ada@x.org")).context)
        #expect(sent.kept("ada@x.org or eve@x.org") == "[EMAIL_1] or [EMAIL]")
        let event = Sample.event(text: "Hello ada@x.org", blocks: [.thinking("[EMAIL_1]")])
        let answer = await harness.deliver(event)
        #expect(answer.message?.blocks == [.thinking("ada@x.org")])
        let store = InMemoryMessageStore()
        let persist = StageHarness(Persist(store: store, keepsBlocks: true, time: ManualTime()))
        _ = await persist.deliver(try #require(answer.message), context: try #require(answer.context))
        #expect(store.records.map(\.text) == ["Hello [EMAIL_1]"])
        #expect(store.records.map(\.blocks) == [[.thinking("[EMAIL_1]")]])
    }

    @Test func thePlaceholdersThatAreRememberedAreBounded() {
        let table = PlaceholderTable(capacity: 10, time: ManualTime())
        func session(_ number: Int) -> PlaceholderTable.SessionName { .init(gateway: "home", key: "\(number)") }
        for number in 0..<100 { _ = table.placeholder(for: "x", name: "KEY", in: session(number)) }
        #expect(table.count == 10)
        #expect(table.values(of: session(99)).values == ["[KEY_100]": "x"])
        for number in 0...PlaceholderTable.valuesPerSession {
            _ = table.placeholder(for: "\(number)", name: "KEY", in: session(1))
        }
        #expect(table.values(of: session(1)).values.count == PlaceholderTable.valuesPerSession)
        #expect(table.placeholder(for: "one more", name: "KEY", in: session(1)) == "[KEY]")
    }

    /// The gateway may know other values by the numbers that were given before.
    @Test func numbersAreNotGivenAgainByTheNextTable() {
        let time = ManualTime()
        let session = PlaceholderTable.SessionName(gateway: "home", key: "s")
        let before = PlaceholderTable(capacity: 10, time: time)
        let given = Set((0..<300).map { before.placeholder(for: "\($0)", name: "EMAIL", in: session) })
        #expect(given.count == 300 && given.contains("[EMAIL_1]"))
        time.advance(by: .milliseconds(3))
        let next = PlaceholderTable(capacity: 10, time: time)
        #expect(next.placeholder(for: "ada@x.org", name: "EMAIL", in: session) == "[EMAIL_301]")
    }

    @Test func numbersAreNotGivenAgainInASessionThatWasForgotten() {
        let table = PlaceholderTable(capacity: 2, time: ManualTime())
        func placeholder(_ value: String, _ session: String) -> String {
            table.placeholder(for: value, name: "EMAIL", in: .init(gateway: "home", key: session))
        }
        let first = placeholder("anna", "m1")
        for session in ["m2", "m3"] { _ = placeholder("x", session) }
        #expect(table.values(of: .init(gateway: "home", key: "m1")).values.isEmpty)
        #expect(placeholder("boris", "m1") != first)
    }

    /// Each piece of it comes alone, and what is there is not gone through again for each.
    @Test func aLongWordWithoutSpacesTakesNoLongerThanItsLength() async throws {
        var options = RedactOptions()
        options.values = [.email]
        let text = String(repeating: "y", count: 300_000) + " ada@example.com"
        let values = try PrivateValues(options)
        #expect(
            values.replacing(in: text) { name, value in "[\(name) \(value)]" }.hasSuffix("y [EMAIL ada@example.com]"))
    }

    @Test func aLongSecretIsNotHeldUp() async throws {
        let harness = try await harness(["mode": "one-way"])
        let snapshots = try await harness.snapshots(["sk-" + String(repeating: "x", count: 9000), " end"])
        #expect(snapshots == ["[KEY]", "[KEY] ", "[KEY] end"])
    }

    @Test func wrongOptionsAreExplained() {
        #expect(
            PluginOptions.read(RedactPlugin.self, ["values": []]).problems == [
                "`values` or `patterns` must say what to look for"
            ])
        #expect(
            PluginOptions.read(RedactPlugin.self, ["patterns": ["a": "(x"]]).problems == [
                "`a` has a `(` without `)`, at character 2"
            ])
        #expect(
            PluginOptions.read(RedactPlugin.self, ["patterns": ["a b": "x"]]).problems == [
                "`patterns` must have names of up to 20 letters, digits and hyphens"
            ])
    }

    @Test func keepsThePromises() async throws {
        for mode in ["reversible", "one-way"] as [ConfigNode] {
            let harness = try await harness(["mode": mode, "patterns": ["word": "w[a-z]+d"]])
            _ = await harness.send(Sample.chat("word"))
            #expect(await MiddlewareCompatibility.violations(of: harness.middleware) == [])
        }
    }
}
