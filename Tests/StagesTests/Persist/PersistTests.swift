import MiddlewareKit
import MiddlewareTesting
import Testing

@testable import Stages

@Suite struct PersistTests {
    private let store = InMemoryMessageStore()

    private func harness(keepsBlocks: Bool = true) -> StageHarness {
        StageHarness(Persist(store: store, keepsBlocks: keepsBlocks, time: ManualTime()))
    }

    @Test func aMessageIsStoredBeforeItIsForwarded() async {
        let store = store
        let context = Sample.context(principal: Principal(user: "ada"))
        let outcome = await harness().send(Sample.chat("hi"), context: context) { _ in
            #expect(store.records.map(\.text) == ["hi"])
        }
        #expect(outcome.message != nil)
        let record = store.records.first
        #expect(record?.owner == "ada")
        #expect(record?.role == .user)
        #expect(record?.runID == "run-1")
        #expect(record?.agent == "main")
    }

    @Test func whoIsNobodyOwnsNothing() async {
        _ = await harness().send(Sample.chat(), context: Sample.context(principal: .anonymous))
        #expect(store.records.first?.owner == nil)
    }

    @Test func nothingIsForwardedWhenItCannotBeStored() async {
        store.fail(with: StorageFailure(reason: .full, description: "the disk is full"))
        let outcome = await harness().send(Sample.chat()) { _ in Issue.record("it was forwarded") }
        #expect(outcome.rejection?.code == "storage_failed")
        #expect(
            outcome.rejection?.message == "The server could not store this: the disk is full. The message was not sent."
        )
        let reply = await harness().deliver(Sample.event()) { _ in Issue.record("it was shown") }
        #expect(reply.rejection?.code == "storage_failed")
    }

    @Test(arguments: [
        (EventKind.final, MessageRecord.State.complete), (.aborted, .aborted), (.error, .failed),
    ])
    func answersAreStoredWithTheirStateBeforeTheyAreShown(kind: EventKind, state: MessageRecord.State) async {
        let store = store
        let event = Sample.event(kind, text: "so far", detail: "the model failed")
        _ = await harness().deliver(event) { _ in #expect(store.records.count == 1) }
        let record = store.records.first
        #expect(record?.state == state)
        #expect(record?.text == "so far")
        #expect(record?.error == (kind == .error ? "the model failed" : nil))
        #expect(record?.owner == "ada")
    }

    @Test func aSilentReplyIsNotStored() async {
        #expect(await harness().deliver(Sample.event(text: "")).message != nil)
        #expect(store.records.isEmpty)
    }

    @Test func blocksAreKeptOrDropped() async {
        let event = Sample.event(blocks: [.other(json: "{\"type\":\"image\"}")])
        _ = await harness().deliver(event)
        _ = await harness(keepsBlocks: false).deliver(event)
        #expect(store.records.map(\.blocks.count) == [1, 0])
    }

    @Test func keepsThePromises() async {
        #expect(await MiddlewareCompatibility.violations(of: harness().middleware) == [])
    }
}
