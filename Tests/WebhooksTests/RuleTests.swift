import Foundation
import JSON
import MiddlewareKit
import Testing

@testable import Webhooks

@Suite struct RetryScheduleTests {
    private let schedule = RetrySchedule(waits: [.zero, .seconds(5), .seconds(300)], jitter: 0.2)

    @Test func jitterSpreadsAWait() {
        #expect(schedule.wait(after: 1, retryAfter: nil, random: 0.5) == .seconds(5))
        #expect(schedule.wait(after: 1, retryAfter: nil, random: 0) == .seconds(4))
        #expect(schedule.wait(after: 1, retryAfter: nil, random: 1) == .seconds(6))
    }

    @Test func retryAfterIsHonouredWithinTwiceTheStep() {
        #expect(schedule.wait(after: 2, retryAfter: .seconds(400), random: 0.5) == .seconds(400))
        #expect(schedule.wait(after: 2, retryAfter: .seconds(86_400), random: 0.5) == .seconds(600))
        // It is the least that the endpoint wants, not the most.
        #expect(schedule.wait(after: 2, retryAfter: .seconds(1), random: 0.5) == .seconds(300))
    }

    @Test func afterTheLastAttemptThereIsNoMore() {
        #expect(schedule.wait(after: 3, retryAfter: .seconds(1), random: 0.5) == nil)
    }
}

@Suite struct CircuitBreakerTests {
    @Test func opensAfterFiveFailuresInARow() {
        var breaker = CircuitBreaker()
        for _ in 0..<4 { #expect(breaker.noteFailure(at: .zero) == nil) }
        #expect(breaker.noteSuccess() == nil)
        for _ in 0..<4 { #expect(breaker.noteFailure(at: .zero) == nil) }
        #expect(breaker.allowance(4, at: .zero) == 4)
        #expect(breaker.noteFailure(at: .zero) == .opened(for: .seconds(30)))
        #expect(breaker.allowance(4, at: .seconds(29)) == 0)
        #expect(breaker.allowance(4, at: .seconds(30)) == 1)
    }

    @Test func staysOpenLongerEachTimeUpToFiveMinutes() {
        var breaker = CircuitBreaker()
        for _ in 0..<5 { _ = breaker.noteFailure(at: .zero) }
        var now: Duration = .seconds(30)
        for seconds in [60, 120, 240, 300, 300] {
            // Calls that were under way when it opened.
            #expect(breaker.noteFailure(at: now - .seconds(1)) == nil)
            #expect(breaker.noteFailure(at: now) == .opened(for: .seconds(seconds)))
            now += .seconds(seconds)
        }
        #expect(breaker.noteSuccess() == .closed)
        #expect(breaker.allowance(4, at: now) == 4)
    }
}

@Suite struct SigningSecretsTests {
    /// A vector of the specification's reference implementation.
    @Test func signsAsStandardWebhooksDoes() throws {
        let secrets = try #require(SigningSecrets(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]))
        let signature = secrets.signature(
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: 1_614_265_330, body: Array(#"{"test": 2432232314}"#.utf8))
        #expect(signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
    }

    @Test func signsWithBothWhileOneIsChanged() throws {
        let old = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        let new = "whsec_" + Data(repeating: 7, count: 32).base64EncodedString()
        let both = try #require(SigningSecrets([new, old])).signature(id: "a", timestamp: 1, body: [])
        let one = try #require(SigningSecrets([old])).signature(id: "a", timestamp: 1, body: [])
        #expect(both.split(separator: " ").count == 2)
        #expect(both.hasSuffix(one))
    }

    @Test(arguments: ["", "whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_%%%"])
    func refuses(text: String) { #expect(SigningSecrets([text]) == nil) }

    @Test func neverPrints() throws {
        let secrets = try #require(SigningSecrets(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]))
        var text = "\(secrets) \(String(reflecting: secrets)) \(secrets.optionText)"
        dump(secrets, to: &text)
        #expect(!text.contains("MfKQ") && !text.contains("31 "))
    }
}

@Suite struct EndpointOptionsTests {
    @Test func readsJSONWithTheSameChecks() throws {
        let (options, problems) = EndpointOptions.read([
            "url": "https://example.com/hook?key=1", "events": ["message.final"], "timeout": "5s",
            "when": ["agent": "support-*"], "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "headers": ["X-A": "b"], "concurrency": 2, "enabled": true, "content": "none",
        ])
        #expect(problems == [])
        let read = try #require(options)
        #expect(read.timeout == .seconds(5))
        #expect(read.concurrency == 2)
        #expect(read.name.hasPrefix("example.com-"))
    }

    @Test func saysWhatIsWrong() {
        let (options, problems) = EndpointOptions.read([
            "url": "ftp://example.com", "events": ["message.finnal"], "secret": "my-secret-text", "colour": "red",
            "headers": ["Host": "x"], "name": "Not Right", "template": "{{data.message.text}}",
        ])
        #expect(options == nil)
        let text = problems.joined(separator: "\n")
        for words in [
            "does not begin with http:// or https://", "did you mean `message.final`?", "must be `whsec_`",
            "`colour` is not an option here", "must not set Host, which", "`name` must be 1 to 100",
            "`template` does not give JSON",
        ] { #expect(text.contains(words), "\(words)") }
        #expect(!text.contains("my-secret-text"))
        #expect(
            EndpointOptions.read([:]).problems == ["`url` is missing (for example url: \"https://example.com/hook\")"])
    }

    /// Clients leave them out of a path.
    @Test(arguments: [".", ".."]) func namesThatAreNoNamesInAPath(name: String) {
        let read = EndpointOptions.read(["url": "https://a.test", "name": .string(name)])
        #expect(read.options == nil)
        #expect(read.problems.joined().contains("must not be . or .."))
    }

    @Test(arguments: ["X Y", "X\r\nY", ""])
    func headersThatWouldBreakTheCall(name: String) {
        #expect(EndpointOptions.read(["url": "https://a.test", "headers": [name: "v"]]).options == nil)
        #expect(EndpointOptions.read(["url": "https://a.test", "headers": ["X": "a\r\nY: b"]]).options == nil)
    }
}

@Suite struct BodyTemplateTests {
    private let event: JSONValue = [
        "type": "message.final",
        "data": ["agent": "main", "user": nil, "message": ["text": "He said: \"one\"\nand two \\ {{x}}"]],
    ]

    @Test func escapesForJSON() throws {
        let body = try BodyTemplate(#"{"text": "{{data.agent}}: {{data.message.text}}"}"#).render(event)
        let text = try JSONValue(parsing: body).object?["text"]?.string
        #expect(text == "main: He said: \"one\"\nand two \\ {{x}}")
    }

    @Test func sectionsOfWhatIsNotKnownAreLeftOut() throws {
        let template = try BodyTemplate(
            #"{"content": "{{#data.user}}by {{.}}{{/data.user}}{{^data.user}}by nobody{{/data.user}}"}"#)
        #expect(template.render(event) == #"{"content": "by nobody"}"#)
    }

    @Test(arguments: [
        "{{#open}}", "{\"a\": {{data.message.text}}}", "{\"a\": \"{{{data.message.text}}}\"}", "{{>x}}", "no",
        // Session keys are chosen by users.
        #"{"a": "{{{data.session}}}"}"#, #"{"a": "{{&data.session}}"}"#, #"{{=<% %>=}}{"a": "<%&data.session%>"}"#,
        #"{"a": {{data.usage.input}}}"#, #"{"a": [{{data.model}}]}"#, #"{"a": [{{data.code}}]}"#,
        #"{"a": [{{#data.message.attachments}}"{{fileName}}",{{/data.message.attachments}}]}"#,
    ])
    func refuses(text: String) { #expect(throws: BodyTemplate.Problem.self) { try BodyTemplate(text) } }

    /// Else the service would get what Swift prints of a list.
    @Test(arguments: [
        (#"{"a": "{{.}}"}"#, "the whole event", "{{type}}"), (#"{"a": {{data}}}"#, "`data`", "{{data.agent}}"),
        (#"{"a": "{{#data}}{{.}}{{/data}}"}"#, "`data`", "{{data.agent}}"),
        (#"{"a": "{{#data}}{{message}}{{/data}}"}"#, "`data.message`", "{{data.message.text}}"),
        (#"{"a": "{{data.usage}}"}"#, "`data.usage`", "{{data.usage.output}}"),
        (
            #"{"a": "{{data.message.attachments}}"}"#, "`data.message.attachments`",
            "{{#data.message.attachments}}{{fileName}}{{/data.message.attachments}}"
        ),
        (
            #"{"a": "{{#data.message.blocks}}{{.}}{{/data.message.blocks}}"}"#, "`data.message.blocks`",
            "{{#data.message.blocks}}{{type}}{{/data.message.blocks}}"
        ),
    ])
    func onlyTextsNumbersAndBooleansArePutIn(text: String, what: String, better: String) {
        let problem = #expect(throws: BodyTemplate.Problem.self) { try BodyTemplate(text) }
        #expect(
            problem?.words
                == "puts in \(what), which is no text, number or boolean; name a member of it, such as \(better)")
    }

    @Test(arguments: [
        #"{"a": "{{upper(data.agent)}}"}"#, #"{"a": "{{#data}}{{uppercased(trim(agent))}}{{/data}}"}"#,
        #"{"a": "{{sorted(data.user)}}"}"#, #"{"a": "{{enumerated(data.usage)}}"}"#, #"{"a": "{{index(data.user)}}"}"#,
        #"{"a": "{{count()}}"}"#,
    ])
    func functionsThatThereAreNotAreRefused(text: String) {
        let problem = #expect(throws: BodyTemplate.Problem.self) { try BodyTemplate(text) }
        #expect(problem?.words.hasPrefix("uses a function that there is not; known are capitalized, ") == true)
    }

    @Test func functionsThatThereAreAreUsed() throws {
        let text =
            #"{"a": "{{uppercased(data.agent)}}{{#data.message.attachments}}{{fileName}}{{^last()}}, {{/last()}}{{/data.message.attachments}}{{count(data.message.attachments)}}"}"#
        let event: JSONValue = [
            "data": ["agent": "main", "message": ["attachments": [["fileName": "a"], ["fileName": "b"]]]]
        ]
        #expect(try BodyTemplate(text).render(event) == #"{"a": "MAINa, b2"}"#)
    }

    @Test func placesInAListAndNumbersHaveFunctions() throws {
        let template = try BodyTemplate(
            #"{"a": "{{#data.message.attachments}}{{plusone(index())}}{{#even()}}e{{/even()}}{{#odd()}}o{{/odd()}} {{/data.message.attachments}}{{minusone(data.usage.input)}}{{#odd(data.usage.input)}} odd{{/odd(data.usage.input)}}{{#equalzero(data.usage.output)}} none{{/equalzero(data.usage.output)}}"}"#
        )
        let event: JSONValue = [
            "data": [
                "message": ["attachments": [["fileName": "a"], ["fileName": "b"]]], "usage": ["input": 7, "output": 0],
            ]
        ]
        #expect(template.render(event) == #"{"a": "1e 2o 6 odd none"}"#)
    }

    @Test func allNamesThatNoEventHasAreNamed() {
        let (options, problems) = EndpointOptions.read([
            "url": "https://a.test", "template": #"{"a": "{{data.agnt}} {{data.colour}} {{data.agnt}} {{data.user}}"}"#,
        ])
        #expect(options != nil)
        #expect(
            problems == [
                "`template` names `agnt`, which no event has (did you mean `agent`?)",
                "`template` names `colour`, which no event has (see the event in docs/webhooks.md)",
            ])
    }

    @Test func numbersThatMayBeUnknownCanBeWritten() throws {
        let template = try BodyTemplate(
            #"{"v": {{version}}, "n": {{#data.usage.input}}{{.}}{{/data.usage.input}}{{^data.usage.input}}null{{/data.usage.input}}}"#
        )
        #expect(template.render(["version": 1, "data": ["usage": ["input": 7]]]) == #"{"v": 1, "n": 7}"#)
        #expect(template.render(["version": 1, "data": ["usage": nil]]) == #"{"v": 1, "n": null}"#)
    }

    @Test func theWordsSayWhatToDo() {
        let problem = #expect(throws: BodyTemplate.Problem.self) {
            try BodyTemplate(#"{"a": {{data.usage.input}}}"#)
        }
        #expect(
            problem?.words == """
                does not give JSON when `data.usage` is not known; put {{values}} between quotes, or use \
                {{#value}}{{.}}{{/value}}{{^value}}null{{/value}}
                """)
    }
}

@Suite struct CallOutcomeTests {
    @Test func onlyTwoHundredsAreSuccess() {
        for (status, isSuccess) in [
            (200, true), (204, true), (299, true), (301, false), (302, false), (404, false), (500, false),
        ] {
            #expect(CallOutcome(result: .success(HTTPAnswer(status: status))).isSuccess == isSuccess)
        }
        let failure = CallOutcome(result: .failure(HTTPFailure(.timedOut, "there was no answer in time")))
        #expect(!failure.isSuccess)
        #expect(failure.error == "there was no answer in time")
    }

    /// The database would keep it up to there only.
    @Test func anAnswerDoesNotEndAtItsFirstZeroByte() {
        let answer = HTTPAnswer(status: 500, body: Array("before\0after".utf8) + [0xFF])
        #expect(CallOutcome(result: .success(answer)).body == "before\u{FFFD}after\u{FFFD}")
    }

    @Test(arguments: [
        ("120", 120), ("0", 0), ("-1", nil), ("soon", nil), ("", nil), ("2000000", 2_000_000),
        ("99999999999999999999", 31_536_000), ("Thu, 01 Jan 2026 00:02:00 GMT", 120),
        ("Wed, 31 Dec 2025 23:00:00 GMT", 0), ("Fri, 01 Jan 2100 00:00:00 GMT", 31_536_000),
    ])
    func retryAfter(text: String, seconds: Int?) {
        let outcome = CallOutcome(result: .success(HTTPAnswer(status: 503, headers: [("retry-after", text)])))
        let now = Timestamp(milliseconds: 1_767_225_600_000)
        #expect(outcome.retryAfter(now: now) == seconds.map { .seconds($0) })
    }
}

@Suite struct EventIDTests {
    @Test func anIDHas128RandomBits() {
        let ids = (0..<1000).map { _ in WebhookEvent.makeID() }
        #expect(ids.allSatisfy { $0.wholeMatch(of: /evt_[0-9a-f]{32}/) != nil })
        #expect(Set(ids).count == ids.count)
        // Each digit is there at each place.
        for place in 4..<36 { #expect(Set(ids.map { Array($0)[place] }).count == 16) }
    }
}
