import MiddlewareKit
import MiddlewareTesting
import Testing

@Suite struct StageHarnessTests {
    private struct OtherError: Error {}

    @Test func whatIsPassedOnArrivesWithItsContext() async {
        let harness = StageHarness(
            Inbound { message, context, next in
                var (message, context) = (message, context)
                message.text += " there"
                context.principal = Principal(user: "ada")
                try await next(message, context)
            })
        let outcome = await harness.send(Sample.chat("hello")) { #expect($0.text == "hello there") }
        #expect(outcome.message?.text == "hello there")
        #expect(outcome.context?.principal?.user == "ada")
        #expect(outcome.rejection == nil)
    }

    @Test func theOtherOutcomesAreToldApart() async {
        let rejection = Rejection(code: "no", message: "No.")
        #expect(await StageHarness(Inbound { _, _, _ in throw rejection }).send(Sample.chat()).rejection == rejection)
        let dropped = await StageHarness(Inbound { _, _, _ in }).send(Sample.chat())
        guard case .dropped = dropped else {
            Issue.record("it was dropped")
            return
        }
        let failed = await StageHarness(PassThrough()).send(Sample.chat()) { _ in throw OtherError() }
        guard case .failed(is OtherError) = failed else {
            Issue.record("the terminal failed")
            return
        }
    }

    @Test func aSecondNextFails() async {
        let twice = Inbound { message, context, next in
            try await next(message, context)
            try await next(message, context)
        }
        guard case .failed(is StageHarness.NextCalledTwice) = await StageHarness(twice).send(Sample.chat()) else {
            Issue.record("next was called twice")
            return
        }
    }

    @Test func eventsAreDelivered() async {
        let event = Sample.event(.aborted, text: "so far")
        let outcome = await StageHarness(PassThrough()).deliver(event) { #expect($0.kind == .aborted) }
        #expect(outcome.message?.text == "so far")
    }

    @Test func aReplyIsSeenWhileItStreams() async throws {
        let shouts = StageHarness(Rewriting { Shouts() })
        #expect(try await shouts.stream(["a", "b"]) == "AB!")
        #expect(try await shouts.snapshots(["a", "b"]) == ["A", "AB", "AB!"])
        #expect(try await StageHarness(PassThrough()).snapshots(["a", "b"]) == ["a", "ab", "ab"])
        #expect(try await StageHarness(Awaiting()).snapshots(["a", "b"]) == ["a", "b", "b."])
    }

    @Test func aPluginIsProvisioned() async throws {
        var options = ExamplePlugin.Options()
        options.greeting = "hi"
        let harness = try await StageHarness(ExamplePlugin.self, options, in: Sample.provision(stageName: "first"))
        #expect((harness.middleware as? ExamplePlugin.Example)?.text == "first says hi")
    }
}

/// Shows the latest piece only.
private struct Awaiting: Middleware {
    struct Latest: AsyncReplyTransform {
        private var text = ""
        mutating func feed(_ text: Substring) async throws -> TextChange {
            self.text = String(text)
            return .replace(self.text)
        }
        mutating func finish() async throws -> TextChange { .append(".") }
    }

    func makeReplyTransform(for run: Run) -> ReplyTransformKind? { .awaiting(Latest()) }
}
