import Foundation
import MiddlewareKit
import MiddlewareTesting
import Synchronization
import Testing

@Suite struct MiddlewareCompatibilityTests {
    private struct OtherError: Error {}

    private func violations(_ middleware: any Middleware) async -> [String] {
        // Only what hangs takes that long.
        await MiddlewareCompatibility.violations(of: middleware, patience: .seconds(60))
    }

    private func hasBroken(_ promise: String, _ middleware: any Middleware) async -> Bool {
        // Nothing may move for a second on a busy machine: then the wrong promise seems broken, and it takes more patience.
        for patience in [Duration.seconds(1), .seconds(20)] {
            let found = await MiddlewareCompatibility.violations(of: middleware, patience: patience)
            if found.contains(where: { $0.contains(promise) }) { return true }
        }
        return false
    }

    @Test func aStageThatDoesNothingKeepsAllPromises() async {
        #expect(await MiddlewareCompatibility.violations(of: PassThrough()) == [])
    }

    @Test func aStageThatRejectsOrDropsKeepsThem() async {
        #expect(await violations(Inbound { _, _, _ in throw Rejection(code: "no", message: "No.") }) == [])
        #expect(await violations(Inbound { _, _, _ in }) == [])
    }

    @Test func callingNextTwiceIsFound() async {
        let twice = Inbound { message, context, next in
            try await next(message, context)
            try await next(message, context)
        }
        #expect(await hasBroken("inbound chat: next was called 2 times", twice))
    }

    @Test func notPassingOnWhatIsNotHandledIsFound() async {
        let drops = Inbound(handles: StagePaths()) { _, _, _ in }
        #expect(await hasBroken("inbound abort: a kind that is not handled was not passed on", drops))
        let refuses = Inbound(handles: StagePaths()) { _, _, _ in throw OtherError() }
        #expect(await hasBroken("inbound abort: a kind that is not handled was not passed on", refuses))
    }

    @Test func passingOnAnotherMessageIsFound() async {
        let last = Mutex<InboundMessage?>(nil)
        let late = Inbound { message, context, next in
            let before = last.withLock { last in
                defer { last = message }
                return last
            }
            try await next(before ?? message, context)
        }
        #expect(await hasBroken("inbound chat: it passed on another message than it was called for", late))
    }

    @Test func growthIsMeasured() async throws {
        await #expect(processExitsWith: .success) {
            let seen = Mutex<[String]>([])
            let grows = Inbound { message, context, next in
                seen.withLock { $0.append(String(repeating: "x", count: 1000)) }
                try await next(message, context)
            }
            let (growing, still) = (
                try await GrowthTest.growth(of: grows, turns: 10_000),
                try await GrowthTest.growth(of: PassThrough(), turns: 10_000)
            )
            #expect(growing > 8_000_000)
            #expect(still < 4_000_000)
        }
    }

    @Test func hidingWhatALaterStageThrewIsFound() async {
        let swallows = Inbound { message, context, next in try? await next(message, context) }
        #expect(await hasBroken("an error of a later stage was swallowed", swallows))
        let replaces = Inbound { message, context, next in
            do { try await next(message, context) } catch { throw OtherError() }
        }
        #expect(await hasBroken("an error of a later stage came out as OtherError()", replaces))
    }

    @Test func notEndingWhenCancelledIsFound() async {
        // The parts that hang are let go at the end of the test.
        let hanging = Mutex<[CheckedContinuation<Void, Never>]>([])
        let shields = Inbound(handles: StagePaths(inbound: [.chat])) { message, context, next in
            do {
                try await next(message, context)
            } catch is CancellationError where message.kind == .chat {
                await withCheckedContinuation { continuation in hanging.withLock { $0.append(continuation) } }
            }
        }
        #expect(await hasBroken("inbound chat: it did not end when its task was cancelled", shields))
        for continuation in hanging.withLock({ $0 }) { continuation.resume() }
    }

    /// The suite itself must not hang with it.
    @Test func hangingBeforeNextIsFound() async {
        let hanging = Mutex<[CheckedContinuation<Void, Never>]>([])
        let waits = Inbound(handles: StagePaths(inbound: [.chat])) { message, context, next in
            if message.kind == .chat {
                await withCheckedContinuation { continuation in hanging.withLock { $0.append(continuation) } }
            }
            try await next(message, context)
        }
        #expect(await hasBroken("inbound chat: it neither ended nor called next", waits))
        for continuation in hanging.withLock({ $0 }) { continuation.resume() }
    }

    @Test func ignoringCancellationBeforeNextIsFound() async {
        // Whoever is cancelled waits for ever.
        let hanging = Mutex<[CheckedContinuation<Void, Never>]>([])
        let ignores = Inbound(handles: StagePaths(inbound: [.chat])) { message, context, next in
            if Task.isCancelled, message.kind == .chat {
                await withCheckedContinuation { continuation in hanging.withLock { $0.append(continuation) } }
            }
            try await next(message, context)
        }
        #expect(await hasBroken("inbound chat: it did not end though its task was cancelled before next", ignores))
        for continuation in hanging.withLock({ $0 }) { continuation.resume() }
    }

    /// One message at a time, whatever run it is of.
    @Test func holdingUpAnotherRunIsFound() async {
        let turn = Turn()
        let single = Inbound(handles: StagePaths(inbound: [.chat])) { message, context, next in
            await turn.begin()
            do { try await next(message, context) } catch {
                await turn.end()
                throw error
            }
            await turn.end()
        }
        let words = "inbound chat: a run whose later stages are slow holds up, or is taken for, another run"
        #expect(await hasBroken(words, single))
    }

    @Test func breakingTheTextLawIsFound() async {
        #expect(await hasBroken("the text law", Rewriting { MarksPieces() }))
        #expect(await violations(Rewriting { Shouts() }) == [])
    }

    @Test func holdingUpRepliesIsFound() async {
        #expect(await hasBroken("kept back", Rewriting { KeepsAllBack() }))
    }

    /// None of them may hang the suite. What hangs is let go at the end.
    @Test(.timeLimit(.minutes(1))) func aTransformThatDoesNotAnswerIsFound() async {
        let gate = Gate()
        let hangs = Awaiting { _ in Waits(gate: gate, answers: false) }
        #expect(await hasBroken("neither answered nor threw within", hangs))
        gate.open()
    }

    @Test(.timeLimit(.minutes(1))) func aTransformThatWaitsForAnotherRunIsFound() async {
        let gate = Gate()
        let hangs = Awaiting { run in Waits(gate: gate, answers: run.id == "run-1") }
        #expect(await hasBroken("a run waits for another one", hangs))
        gate.open()
    }

    @Test(.timeLimit(.minutes(1))) func aMessageThatWaitsForAnotherRunIsFound() async {
        let gate = Gate()
        let hangs = Inbound(handles: StagePaths(inbound: [.chat])) { message, context, next in
            if message.kind == .chat, message.runID != "run-1" { await gate.wait() }
            try await next(message, context)
        }
        #expect(await hasBroken("a message of one run waits for one of another", hangs))
        gate.open()
    }

    /// It takes a thread with each call, and there are few of those that tasks share.
    @Test(.timeLimit(.minutes(1))) func aStageThatBlocksItsThreadsIsFound() async {
        let open = DispatchSemaphore(value: 0)
        @Sendable func block() { open.wait() }
        let blocks = Inbound { _, _, _ in block() }
        let found = await MiddlewareCompatibility.violations(of: blocks, patience: .milliseconds(50))
        for kind in MessageKind.allCases {
            #expect(found.contains("inbound \(kind): it neither ended nor called next"))
            open.signal()
        }
    }

    /// Nothing in the samples would show what it makes of its own word.
    @Test func aWordOfTheAuthorsOwnIsCut() async {
        let shouts = Rewriting { Shouts(only: "the") }
        let violations = await MiddlewareCompatibility.violations(of: shouts, adding: ["the"], patience: .seconds(60))
        #expect(violations.first == #"the text law: ["t", "he"] gives "the!", in one piece it gives "THE!""#)
        #expect(await MiddlewareCompatibility.violations(of: Rewriting { Shouts() }, adding: ["the"]) == [])
    }

    @Test(arguments: [" ", ". ", "\n", "\n\n"]) func whatNeverComesOutIsFound(separator: String) async {
        #expect(
            await hasBroken("`finish` does not let go of what was kept back", Rewriting { LosesTheEnd(of: separator) }))
    }

    @Test func aTransformThatNobodyWouldAskForIsFound() async {
        #expect(await hasBroken("`handles.replyText` is false", Rewriting(handles: StagePaths()) { Shouts() }))
    }

    @Test func aTransformThatTwoRunsShareIsFound() async {
        let shared = SharedTail()
        #expect(await hasBroken("runs disturb each other", Rewriting { SharesState(tail: shared) }))
    }
}

/// Lets one in at a time.
private actor Turn {
    private var isTaken = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func begin() async {
        if isTaken { await withCheckedContinuation { waiting.append($0) } }
        isTaken = true
    }

    func end() {
        isTaken = false
        if !waiting.isEmpty { waiting.removeFirst().resume() }
    }
}

private final class SharedTail: Sendable {
    let text = Mutex("")
}

/// Lets a piece out when the next one comes, and keeps it where other runs find it.
private struct SharesState: ReplyTransform {
    let tail: SharedTail

    mutating func feed(_ text: Substring) -> TextChange {
        tail.text.withLock { tail in
            defer { tail = String(text) }
            return .append(tail)
        }
    }

    mutating func finish() -> TextChange {
        tail.text.withLock { tail in
            defer { tail = "" }
            return .append(tail)
        }
    }
}

/// Holds up whoever comes, until it is opened.
private final class Gate: Sendable {
    private let waiting = Mutex<(isOpen: Bool, all: [CheckedContinuation<Void, Never>])>((false, []))

    func wait() async {
        await withCheckedContinuation { continuation in
            let isOpen = waiting.withLock { waiting in
                if !waiting.isOpen { waiting.all.append(continuation) }
                return waiting.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        let all = waiting.withLock { waiting in
            defer { waiting = (true, []) }
            return waiting.all
        }
        for continuation in all { continuation.resume() }
    }
}

/// Gives each run a transform that awaits something.
private struct Awaiting: Middleware {
    let handles = StagePaths(replyText: true)
    let make: @Sendable (Run) -> any AsyncReplyTransform

    func makeReplyTransform(for run: Run) -> ReplyTransformKind? { .awaiting(make(run)) }
}

/// Ignores that it is cancelled.
private struct Waits: AsyncReplyTransform {
    let gate: Gate
    let answers: Bool

    mutating func feed(_ text: Substring) async throws -> TextChange {
        if !answers { await gate.wait() }
        return .append(String(text))
    }

    mutating func finish() async throws -> TextChange { .append("") }
}

/// Shows what stands before the last separator.
private struct LosesTheEnd: ReplyTransform {
    let separator: String
    private var kept = ""

    init(of separator: String) { self.separator = separator }

    mutating func feed(_ text: Substring) -> TextChange {
        let parts = (kept + text).components(separatedBy: separator)
        kept = parts.last ?? ""
        return .append(parts.dropLast().map { $0 + separator }.joined())
    }

    mutating func finish() -> TextChange { .append("") }
}
