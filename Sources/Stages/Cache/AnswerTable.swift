import DequeModule
import MiddlewareKit
import Synchronization

/// Answers by their questions, at most so many and none older than allowed. Safe to use from anywhere.
final class AnswerTable: Sendable {
    private struct Entry {
        var answer: String
        var expiresAt: Duration
        var usedAt: Int
    }

    private struct State {
        var entries: [Question: Entry] = [:]
        /// Uses in the order of time, also those that a later one of the same question made worthless.
        var uses: Deque<(question: Question, usedAt: Int)> = []
        var count = 0

        mutating func use(_ question: Question) {
            count += 1
            entries[question]?.usedAt = count
            uses.append((question, count))
            // Uses that are not the last of their question are dropped before they are many.
            if uses.count > 2 * entries.count + 16 {
                uses = Deque(uses.filter { entries[$0.question]?.usedAt == $0.usedAt })
            }
        }

        mutating func forgetOldest() {
            while let (question, usedAt) = uses.popFirst() {
                guard entries[question]?.usedAt == usedAt else { continue }
                entries[question] = nil
                return
            }
        }
    }

    private let options: CacheOptions
    private let state = Mutex(State())

    init(_ options: CacheOptions) { self.options = options }

    var count: Int { state.withLock { $0.entries.count } }

    func answer(to question: Question, at now: Duration) -> String? {
        state.withLock { state in
            guard let entry = state.entries[question] else { return nil }
            guard entry.expiresAt > now else {
                state.entries[question] = nil
                return nil
            }
            state.use(question)
            return entry.answer
        }
    }

    func remember(_ answer: String, for question: Question, at now: Duration) {
        state.withLock { state in
            if state.entries[question] == nil, state.entries.count >= options.maxEntries { state.forgetOldest() }
            state.entries[question] = Entry(answer: answer, expiresAt: now + options.maxAge, usedAt: 0)
            state.use(question)
        }
    }
}
