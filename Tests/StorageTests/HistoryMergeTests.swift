import MiddlewareKit
import Testing

@testable import Storage

struct HistoryMergeTests {
    private func theirs(_ role: MessageRecord.Role, _ text: String, minute: Int64 = 0) -> MessageRecord {
        MessageRecord(
            gateway: "home", sessionKey: "s", owner: nil, role: role, runID: "history:\(role)-\(minute)-\(text)",
            text: text,
            timestamp: Timestamp(milliseconds: 1_770_000_000_000 + minute * 60_000))
    }

    private func ours(_ role: MessageRecord.Role, _ text: String, minute: Int64 = 0) -> HistoryMerge.Stored {
        HistoryMerge.Stored(
            role: role, text: text, times: [Timestamp(milliseconds: 1_770_000_000_000 + minute * 60_000)])
    }

    private func missing(_ records: [MessageRecord], among stored: [HistoryMerge.Stored]) -> [String] {
        var merge = HistoryMerge(stored: stored)
        return merge.missing(records).map(\.text)
    }

    @Test func whatIsNotStoredIsMissing() {
        #expect(missing([theirs(.user, "a"), theirs(.assistant, "b")], among: []) == ["a", "b"])
    }

    @Test func theSameMessageIsFoundWhateverItsClock() {
        #expect(missing([theirs(.user, "a", minute: 10)], among: [ours(.user, "a")]) == [])
        #expect(missing([theirs(.user, "a", minute: 20)], among: [ours(.user, "a")]) == ["a"])
        #expect(missing([theirs(.assistant, "a")], among: [ours(.user, "a")]) == ["a"])
    }

    @Test func equalMessagesAreCounted() {
        let records = [theirs(.user, "yes"), theirs(.user, "yes", minute: 1)]
        #expect(missing(records, among: [ours(.user, "yes")]) == ["yes"])
    }

    /// A stage may have withheld it, or it is on its way.
    @Test func theAnswerToOurOwnMessageIsNoneOfTheImportsBusiness() {
        var question = ours(.user, "a")
        question.isOurs = true
        let records = [theirs(.user, "a"), theirs(.assistant, "b"), theirs(.user, "c"), theirs(.assistant, "d")]
        #expect(missing(records, among: [question]) == ["c", "d"])
    }

    /// A message can wait long for its gateway, which gives it the time of its arrival.
    /// Stages may put words before and behind what a user wrote.
    @Test func aMessageOfOursIsFoundWhateverTheStagesMadeOfIt() {
        var mine = ours(.user, "one")
        mine.isOurs = true
        let theirs = [theirs(.user, "Answer in Spanish.\n\none\n\nKeep it short."), theirs(.assistant, "uno")]
        #expect(missing(theirs, among: [mine, ours(.assistant, "uno")]).isEmpty)
        // Those that are found by their words are no others.
        let other = self.theirs(.user, "from elsewhere")
        #expect(missing([self.theirs(.user, "one"), other], among: [mine]) == ["from elsewhere"])
        mine.isUndelivered = true
        #expect(missing([other], among: [mine]) == ["from elsewhere"])
    }

    @Test func aMessageThatWaitedIsFound() {
        var question = ours(.user, "a")
        question.isOurs = true
        question.times.append(Timestamp(milliseconds: 1_770_000_000_000 + 60 * 60_000))
        #expect(missing([theirs(.user, "a", minute: 55)], among: [question]) == [])
        #expect(missing([theirs(.user, "a", minute: 90)], among: [question]) == ["a"])
        question.isUnanswered = true
        #expect(missing([theirs(.user, "a", minute: 90)], among: [question]) == [])
    }

    @Test func cutTextsAreFound() {
        #expect(missing([theirs(.assistant, "long\n...(truncated)...")], among: [ours(.assistant, "long story")]) == [])
    }

    @Test func stepsOfAStoredAnswerAreFound() {
        let stored = [ours(.assistant, "Let me look. It is 42.")]
        #expect(missing([theirs(.assistant, "Let me look."), theirs(.assistant, "It is 42.")], among: stored) == [])
    }

    /// Short words of others are not pieces of a longer answer that was found whole.
    @Test func anAnswerThatIsPartOfAnotherIsNotLost() {
        let stored = [ours(.assistant, "Done. Restarted A")]
        #expect(
            missing([theirs(.assistant, "Done. Restarted A"), theirs(.assistant, "Done.", minute: 1)], among: stored)
                == ["Done."])
        // Each piece is there once.
        let pieces = [theirs(.assistant, "Done."), theirs(.assistant, "Restarted A"), theirs(.assistant, "Done.")]
        #expect(missing(pieces, among: stored) == ["Done."])
    }

    @Test func importStoresOnceAndInOrder() async throws {
        try await withDatabase { database in
            var old = [theirs(.user, "first", minute: -2), theirs(.assistant, "second", minute: -1)]
            for index in old.indices { old[index].sessionKey = "agent:main:main" }
            try await database.store(record("r", text: "third"), rows: [])
            for expected in [2, 0] {
                let new = try await database.importHistory(old, met: [], gateway: "home", sessionKey: "agent:main:main")
                #expect(new.count == expected)
            }
            let texts = try await database.page().messages.map { $0.content.first?.text }
            #expect(texts == ["first", "second", "third"])
            // Paging goes by the same order.
            let newest = try await database.page(limit: 1)
            let older = try await database.page(limit: 1, before: newest.before)
            #expect(older.messages.first?.content.first?.text == "second")
        }
    }

    /// A name that was taken over before says more than the words, which stages may have changed.
    @Test func whatWasTakenOverIsKnownByItsName() {
        let records = [theirs(.user, "a"), theirs(.assistant, "<b>", minute: 1), theirs(.assistant, "b", minute: 2)]
        var stored = ours(.assistant, "b", minute: 1)
        stored.runID = records[1].runID
        #expect(missing(records, among: [ours(.user, "a"), stored]) == ["b"])
    }

    @Test func answersThatTheStagesHaveMetAreKnownUntilTheyAreOld() async throws {
        try await withDatabase { database in
            var answers = (0..<1100).map { theirs(.assistant, "\($0)", minute: $0) }
            for index in answers.indices { answers[index].sessionKey = "agent:main:main" }
            try await database.store(record("r", text: "third"), rows: [])
            let (gateway, key) = ("home", "agent:main:main")
            #expect(try await database.missing(answers, gateway: gateway, sessionKey: key).count == 1100)
            let new = try await database.importHistory(
                [answers[0]], met: answers.map(\.runID), gateway: gateway, sessionKey: key)
            #expect(new.map(\.text) == ["0"])
            #expect(try await database.count("met_answers") == 1000)
            #expect(try await database.missing([answers[0]], gateway: gateway, sessionKey: key).isEmpty)
            let missing = try await database.missing(answers, gateway: gateway, sessionKey: key)
            #expect(missing.count == 99)
            // In the session of the same name on another gateway they are unknown.
            #expect(try await database.missing(answers, gateway: "away", sessionKey: key).count == 1100)
        }
    }

    @Test func sessionsOfTheGatewayAreNoted() async throws {
        try await withDatabase { database in
            try await database.store(record("r"), rows: [])
            let notes = [
                SessionNote(key: "agent:main:main", title: "Trip", agent: "main", model: "x/y", lastActivity: nil),
                SessionNote(
                    key: "agent:main:tg", title: nil, agent: "main", model: nil,
                    lastActivity: Timestamp(milliseconds: 5)),
            ]
            for _ in 1...2 { try await database.noteSessions(notes, gateway: "home") }
            let main = try await database.session(gateway: "home", key: "agent:main:main")
            #expect(main?.title == "Trip")
            #expect(main?.model == "x/y")
            #expect(main?.owner == "ada")
            let other = try await database.session(gateway: "home", key: "agent:main:tg")
            #expect(other?.owner == nil)
            #expect(other?.lastActivity == Timestamp(milliseconds: 5))
        }
    }
}
