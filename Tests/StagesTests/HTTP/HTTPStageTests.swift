import JSON
import MiddlewareKit
import MiddlewareTesting
import Testing
import Webhooks

@testable import Stages

@Suite struct HTTPStageTests {
    private let time = ManualTime()

    private func harness(
        _ answer: @escaping @Sendable (HTTPCall, Int) async throws -> HTTPAnswer,
        _ change: (inout HTTPOptions) -> Void = { _ in }
    ) async throws -> (StageHarness, ScriptedHTTPCaller) {
        var options = HTTPOptions()
        options.url = try HTTPAddress("https://judge.example.com/ask")
        change(&options)
        let http = ScriptedHTTPCaller(answer)
        var context = Sample.provision(time: time)
        context.http = http
        return (try await StageHarness(HTTPPlugin.self, options, in: context), http)
    }

    private static func json(_ text: String, status: Int = 200) -> HTTPAnswer {
        HTTPAnswer(status: status, body: Array(text.utf8))
    }

    @Test(arguments: [
        (#"{"verdict":"pass"}"#, "hello"), (#"{"verdict":"replace","text":"HELLO"}"#, "HELLO"), ("", "hello"),
    ])
    func aServerDecidesWhatBecomesOfMessages(answer: String, text: String) async throws {
        let (harness, http) = try await harness { _, _ in Self.json(answer) }
        let context = Sample.context(principal: Principal(user: "ada"))
        #expect(await harness.send(Sample.chat("hello"), context: context).message?.text == text)
        let call = try #require(http.calls.first)
        #expect(call.method == "POST" && call.url.revealed == "https://judge.example.com/ask")
        let body = try JSONValue(parsing: String(decoding: call.body, as: UTF8.self))
        #expect(body["protocol"] == 1 && body["stage"] == "test" && body["type"] == "inbound")
        #expect(body["message"]?["text"] == "hello" && body["message"]?["user"] == "ada")
    }

    /// Frameworks answer a POST with other numbers too.
    @Test(arguments: [200, 201, 202, 299]) func everyStatusOfSuccessCarriesAVerdict(status: Int) async throws {
        let (harness, _) = try await harness { _, _ in Self.json(#"{"verdict":"replace","text":"x"}"#, status: status) }
        #expect(await harness.send(Sample.chat()).message?.text == "x")
    }

    @Test func rejectionsAndNotesReachWhoTheyAreFor() async throws {
        let (harness, _) = try await harness { _, number in
            Self.json(
                number == 0
                    ? #"{"verdict":"reject","code":"rude","message":"Please be kind."}"#
                    : #"{"verdict":"annotate","notes":{"mood":"calm"}}"#)
        }
        #expect(await harness.send(Sample.chat()).rejection == Rejection(code: "rude", message: "Please be kind."))
        #expect(await harness.send(Sample.chat()).context?.notes == ["mood": "calm"])
    }

    @Test(arguments: [
        ("{}", 200, "it answered without a `verdict`"), ("<html>", 200, "answered something that is no verdict"),
        (#"{"verdict":"perhaps"}"#, 200, "is no verdict: `verdict` must be `pass`, `replace`, `reject` or `annotate`"),
        (#"{"verdict":"replace"}"#, 200, "without a `text`"), ("", 404, "https://judge.example.com answered 404"),
    ])
    func anAnswerThatMakesNoSenseIsAFailure(answer: String, status: Int, words: String) async throws {
        let (harness, _) = try await harness { _, _ in Self.json(answer, status: status) }
        let outcome = await harness.send(Sample.chat())
        guard case .failed(let error) = outcome else { throw CallOutProblem("\(outcome)") }
        #expect("\(error)".contains(words))
    }

    /// As anybody would check it who knows Standard Webhooks.
    @Test func callsAreSigned() async throws {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        let (harness, http) = try await harness({ _, _ in HTTPAnswer(status: 204) }) { options in
            options.secrets = SigningSecrets([secret]) ?? SigningSecrets()
            options.headers = ["X-Team": Secret("blue")]
        }
        _ = await harness.send(Sample.chat())
        let call = try #require(http.calls.first)
        let headers = Dictionary(uniqueKeysWithValues: call.headers.map { ($0.name, $0.value) })
        let id = try #require(headers["webhook-id"])
        let seconds = try #require(headers["webhook-timestamp"].flatMap { Int64($0) })
        #expect(seconds == time.now.milliseconds / 1000 && headers["X-Team"] == "blue")
        let secrets = try #require(SigningSecrets([secret]))
        #expect(headers["webhook-signature"] == secrets.signature(id: id, timestamp: seconds, body: call.body))
    }

    /// Only what was certainly not worked on is asked again, with the same id.
    @Test func onlyWhatIsSafeIsRepeated() async throws {
        let (harness, http) = try await harness({ _, number in
            guard number > 0 else { throw HTTPFailure(.refused, "the connection was refused") }
            return number == 1 ? HTTPAnswer(status: 503) : Self.json(#"{"verdict":"pass"}"#)
        }) { $0.retries = 2 }
        async let outcome = harness.send(Sample.chat("hi"))
        await time.waitForSleepers(1)
        time.advance(by: HTTPCallOut.firstWait)
        await time.waitForSleepers(1)
        time.advance(by: HTTPCallOut.firstWait * 2)
        #expect(await outcome.message?.text == "hi")
        let ids = http.calls.map { call in call.headers.first { $0.name == "webhook-id" }?.value }
        #expect(ids.count == 3 && Set(ids).count == 1)
    }

    @Test(arguments: [HTTPFailure.Reason.timedOut, .closed, .tls, .forbidden])
    func whatMayHaveBeenWorkedOnIsNotRepeated(reason: HTTPFailure.Reason) async throws {
        let (harness, http) = try await harness { _, _ in throw HTTPFailure(reason, "no answer") }
        _ = await harness.send(Sample.chat())
        #expect(http.calls.count == 1)
    }

    @Test func aServerThatFailsIsLeftAloneAndTriedLater() async throws {
        let (harness, http) = try await harness { _, number in HTTPAnswer(status: number < 5 ? 500 : 204) }
        for _ in 1...7 { _ = await harness.send(Sample.chat()) }
        #expect(http.calls.count == 5)
        let outcome = await harness.send(Sample.chat())
        guard case .failed(let error) = outcome else { throw CallOutProblem("\(outcome)") }
        #expect("\(error)" == "https://judge.example.com failed again and again, and is left alone for a while")
        time.advance(by: .seconds(30))
        for _ in 1...2 { #expect(await harness.send(Sample.chat()).message != nil) }
        #expect(http.calls.count == 7)
    }

    @Test func onlyOneCallTriesAServerThatFailed() async throws {
        let time = time
        let (harness, http) = try await harness { _, number in
            guard number == 5 else { return HTTPAnswer(status: 500) }
            try await time.sleep(for: .seconds(1))
            return HTTPAnswer(status: 204)
        }
        for _ in 1...5 { _ = await harness.send(Sample.chat()) }
        time.advance(by: .seconds(30))
        async let probe = harness.send(Sample.chat())
        await time.waitForSleepers(1)
        #expect(await harness.send(Sample.chat()).message == nil)
        time.advance(by: .seconds(1))
        #expect(await probe.message != nil)
        #expect(http.calls.count == 6)
    }

    @Test func onlySoManyWait() async throws {
        let time = time
        let (harness, _) = try await harness({ _, _ in
            try await time.sleep(for: .seconds(1))
            return HTTPAnswer(status: 204)
        }) { $0.maxWaiting = 1 }
        async let first = harness.send(Sample.chat())
        await time.waitForSleepers(1)
        #expect(await harness.send(Sample.chat()).message == nil)
        time.advance(by: .seconds(1))
        #expect(await first.message != nil)
    }

    /// The server holds back what may be the beginning of a word, as a program does.
    @Test func textOfRepliesIsRewritten() async throws {
        let (harness, _) = try await harness({ call, _ in
            let body = try JSONValue(parsing: String(decoding: call.body, as: UTF8.self))
            guard case .string(let text)? = body["message"]?["text"] else { throw CallOutProblem("no text") }
            let isEnd = body["end"] == true
            let kept = isEnd ? "" : String(text.suffix { $0.isLetter })
            let shown = text.dropLast(kept.count).replacing("secret", with: "******")
            return Self.json(JSONValue.object(["text": .string(String(shown)), "keep": .string(kept)]).encoded())
        }) { $0.reply = true }
        let shown = try await harness.stream(["a sec", "ret pl", "an"])
        #expect(shown == "a ****** plan")
        #expect(await TextLaw.violation(of: harness.middleware, text: "no secret, secrets") == nil)
    }

    @Test func optionsThatCannotWorkAreProblems() {
        func problems(_ block: ConfigNode) -> [String] { PluginOptions.read(HTTPPlugin.self, block).problems }
        #expect(
            problems(["url": "http://169.254.169.254/latest"]) == [
                """
                `url`: 169.254.169.254 may not be called: it is a link-local address, where clouds keep their metadata; \
                name its network in `allow-private`
                """
            ])
        #expect(
            problems(["url": "https://example.com:8443/"]) == [
                "`url`: port 8443 is not one of the allowed ports; add it to `ports`"
            ])
        #expect(problems(["url": "https://example.com/", "inbound": []]).count == 1)
        #expect(problems(["url": "https://example.com/", "headers": ["Host": "x"]]).count == 1)
    }
}

extension String {
    /// The longest end whose characters all hold.
    fileprivate func suffix(_ holds: (Character) -> Bool) -> Substring {
        let start = indices.reversed().prefix { holds(self[$0]) }.last ?? endIndex
        return self[start...]
    }
}
