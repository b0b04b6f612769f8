import MiddlewareKit
import MiddlewareTesting
import Testing

@testable import Stages

@Suite struct PersistTests {
    private let store = InMemoryMessageStore()
    private let time = ManualTime()

    private func harness(keepsBlocks: Bool = true) -> StageHarness {
        StageHarness(Persist(store: store, keepsBlocks: keepsBlocks, time: time))
    }

    @Test func aMessageIsStoredBeforeItIsForwarded() async {
        let store = store
        let file = Attachment(type: "image", mimeType: "image/png", fileName: "a.png", content: "AAAA")
        let context = Sample.context(principal: Principal(user: "ada"))
        let outcome = await harness().send(Sample.chat("hi", attachments: [file]), context: context) { _ in
            #expect(store.records.map(\.text) == ["hi"])
        }
        #expect(outcome.message?.text == "hi")
        let expected = MessageRecord(
            gateway: "home", sessionKey: "agent:main:one", owner: "ada", role: .user, runID: "run-1", text: "hi",
            attachments: [file], agent: "main", timestamp: time.now)
        #expect(store.records == [expected])
    }

    @Test func whoIsNobodyOwnsNothing() async {
        _ = await harness().send(Sample.chat(), context: Sample.context(principal: .anonymous))
        _ = await harness().send(Sample.chat(runID: "run-2"), context: Sample.context())
        #expect(store.records.map(\.owner) == [nil, nil])
    }

    @Test func aShadowStoresNothing() async {
        var context = Sample.context()
        context.isShadow = true
        #expect(await harness().send(Sample.chat(), context: context).rejection == nil)
        #expect(await harness().deliver(Sample.event(.final), context: context).rejection == nil)
        #expect(store.records.isEmpty)
    }

    @Test func nothingIsForwardedWhenItCannotBeStored() async {
        store.fail(with: StorageFailure(reason: .full, description: "the disk is full"))
        let outcome = await harness().send(Sample.chat()) { _ in Issue.record("it was forwarded") }
        #expect(outcome.rejection?.code == "storage_failed")
        let words = "The message was not sent, because it could not be stored: the disk is full."
        #expect(outcome.rejection?.message == words)
    }

    @Test(arguments: [EventKind.final, .aborted, .error])
    func nothingIsShownWhenItCannotBeStored(kind: EventKind) async {
        store.fail(with: StorageFailure(reason: .full, description: "the disk is full"))
        let outcome = await harness().deliver(Sample.event(kind)) { _ in Issue.record("it was shown") }
        #expect(outcome.rejection?.code == "storage_failed")
        #expect(outcome.rejection?.message == "The reply could not be stored: the disk is full.")
    }

    @Test func aChatWithoutSessionIsNotForwardedUnstored() async {
        let outcome = await harness().send(InboundMessage(kind: .chat, text: "hi"))
        #expect(outcome.rejection?.code == "bad_request")
    }

    @Test(arguments: [
        (EventKind.final, MessageRecord.State.complete), (.aborted, .aborted), (.error, .failed),
    ])
    func answersAreStoredWithTheirStateBeforeTheyAreShown(kind: EventKind, state: MessageRecord.State) async {
        let store = store
        var event = Sample.event(kind, text: "so far", blocks: [.thinking("hm")], detail: "the model failed")
        event.usage = Usage(input: 1, output: 2)
        let outcome = await harness().deliver(event) { _ in #expect(store.records.count == 1) }
        #expect(outcome.message?.text == "so far")
        let expected = MessageRecord(
            gateway: "home", sessionKey: "agent:main:one", owner: "ada", role: .assistant, state: state, runID: "run-1",
            text: "so far", blocks: [.thinking("hm")], error: kind == .error ? "the model failed" : nil,
            usage: event.usage, agent: "main", timestamp: event.timestamp)
        #expect(store.records == [expected])
    }

    @Test func anErrorWithoutWordsIsStoredWithItsKind() async {
        var event = Sample.event(.error, text: "")
        event.errorKind = "timeout"
        _ = await harness().deliver(event)
        #expect(store.records.first?.error == "timeout")
    }

    @Test func theAnswerOfARunFromElsewhereHasNoOwner() async {
        _ = await harness().deliver(Sample.event(run: Sample.run(user: nil)))
        #expect(store.records.map(\.owner) == [nil])
    }

    @Test func aSilentReplyIsPassedOnAndNotStored() async {
        #expect(await harness().deliver(Sample.event(text: "")).message != nil)
        let onlyBlocks = Sample.event(text: "", blocks: [.thinking("hm")])
        #expect(await harness(keepsBlocks: false).deliver(onlyBlocks).message != nil)
        #expect(store.records.isEmpty)
        _ = await harness().deliver(onlyBlocks)
        #expect(store.records.count == 1)
    }

    @Test(arguments: [EventKind.aborted, .error])
    func anAnswerThatEndedEarlyIsStoredAlsoWithoutText(kind: EventKind) async {
        _ = await harness().deliver(Sample.event(kind, text: ""))
        #expect(store.records.count == 1)
    }

    @Test func blocksAreDroppedFromWhatIsStoredAndNotFromWhatIsShown() async {
        let event = Sample.event(blocks: [.other(json: "{\"type\":\"image\"}")])
        let outcome = await harness(keepsBlocks: false).deliver(event)
        #expect(store.records.map(\.blocks) == [[]])
        #expect(outcome.message?.blocks == event.blocks)
    }

    @Test func rowsOfStagesBelowAreStoredWithTheMessage() async {
        var context = Sample.context(principal: Principal(user: "ada"))
        context.contributors = [Contributor()]
        _ = await harness().send(Sample.chat("hi"), context: context)
        _ = await harness().deliver(Sample.event(text: "hello"), context: context)
        #expect(store.rows.map(\.payload) == ["user: hi", "assistant: hello"])
        store.fail(with: StorageFailure(reason: .full, description: "the disk is full"))
        _ = await harness().send(Sample.chat("again", runID: "run-2"), context: context)
        #expect(store.rows.count == 2)
    }

    @Test func itTakesPartOnlyWhereThereIsSomethingToStore() {
        let paths = StagePaths(inbound: [.chat], outbound: [.final, .aborted, .error, .message])
        #expect(harness().middleware.handles == paths)
    }

    @Test func keepsThePromises() async {
        #expect(await MiddlewareCompatibility.violations(of: harness().middleware) == [])
        store.fail(with: StorageFailure(reason: .full, description: "the disk is full"))
        #expect(await MiddlewareCompatibility.violations(of: harness().middleware) == [])
    }
}

private struct Contributor: RowContributor {
    func rows(for record: MessageRecord, context: MessageContext) -> [OutboxRow] {
        [OutboxRow(stage: "test", topic: "message", payload: "\(record.role): \(record.text)")]
    }
}
