package import MiddlewareKit

/// What happened in some time, with some key. Values of two times or keys are joined with `add`.
package struct AnalyticsFigures: Sendable {
    /// A sum of which it matters how many told something: with nobody the sum is unknown, not 0.
    package struct Told: Sendable, Equatable {
        package var count = 0
        package var sum = 0

        package init() {}

        package var value: Int? { count > 0 ? sum : nil }

        package mutating func add(_ value: Int) {
            count += 1
            add(toSum: max(0, value))
        }

        mutating func add(_ other: Told) {
            count &+= other.count
            add(toSum: other.sum)
        }

        /// What gateways and stages tell is not to be trusted with arithmetic: a sum ends at the highest number.
        mutating func add(toSum value: Int) {
            let (added, isTooMuch) = sum.addingReportingOverflow(value)
            sum = isTooMuch ? .max : added
        }
    }

    /// Which stage turned a message away, and why.
    package struct RejectionName: Sendable, Hashable {
        package var stage: String
        package var code: String

        package init(stage: String, code: String) {
            self.stage = stage
            self.code = code
        }
    }

    /// How many names of errors and rejections are kept apart; the rest counts as `other`.
    package static let maxNames = 50

    package var messagesIn = 0
    package var messagesOut = 0
    package var charactersIn = 0
    package var charactersOut = 0
    package var input = Told()
    package var output = Told()
    package var cacheRead = Told()
    package var cacheWrite = Told()
    /// From the length of the text, for replies whose gateway told nothing.
    package var estimatedInput = Told()
    package var estimatedOutput = Told()
    /// In millionths of a US dollar.
    package var cost = Told()
    package var aborted = 0
    package var reconnects = 0
    package private(set) var errors: [String: Int] = [:]
    package private(set) var rejections: [RejectionName: Int] = [:]
    package var firstText = Latencies()
    package var whole = Latencies()
    package var queued = Latencies()
    package var sessions = SessionSketch()

    package init() {}

    package mutating func addError(_ kind: String, count: Int = 1) {
        let isRoom = errors[kind] != nil || errors.count < Self.maxNames
        errors[isRoom ? kind : "other", default: 0] &+= count
    }

    package mutating func addRejection(_ name: RejectionName, count: Int = 1) {
        let isRoom = rejections[name] != nil || rejections.count < Self.maxNames
        rejections[isRoom ? name : RejectionName(stage: "other", code: "other"), default: 0] &+= count
    }

    package mutating func add(_ timing: RunTiming) {
        if let time = timing.firstText { firstText.record(time) }
        if let time = timing.whole { whole.record(time) }
        if let time = timing.queued { queued.record(time) }
    }

    /// Takes what the gateway told, and estimates what it did not.
    ///
    /// - Parameters:
    ///   - asked: Characters of the message that the reply answers; nil: unknown.
    ///   - answered: Characters of the reply.
    package mutating func add(_ usage: Usage?, asked: Int?, answered: Int) {
        if let tokens = usage?.input { input.add(tokens) } else if let asked { estimatedInput.add(Self.tokens(asked)) }
        if let tokens = usage?.output { output.add(tokens) } else { estimatedOutput.add(Self.tokens(answered)) }
        if let tokens = usage?.cacheRead { cacheRead.add(tokens) }
        if let tokens = usage?.cacheWrite { cacheWrite.add(tokens) }
        if let dollars = usage?.cost, dollars.isFinite, let millionths = Int(exactly: (dollars * 1e6).rounded()) {
            cost.add(millionths)
        }
    }

    /// A rule of thumb for English text: four characters a token.
    private static func tokens(_ characters: Int) -> Int { (characters + 3) / 4 }

    package mutating func add(_ other: AnalyticsFigures) {
        messagesIn &+= other.messagesIn
        messagesOut &+= other.messagesOut
        charactersIn &+= other.charactersIn
        charactersOut &+= other.charactersOut
        input.add(other.input)
        output.add(other.output)
        cacheRead.add(other.cacheRead)
        cacheWrite.add(other.cacheWrite)
        estimatedInput.add(other.estimatedInput)
        estimatedOutput.add(other.estimatedOutput)
        cost.add(other.cost)
        aborted &+= other.aborted
        reconnects &+= other.reconnects
        for (kind, count) in other.errors { addError(kind, count: count) }
        for (name, count) in other.rejections { addRejection(name, count: count) }
        firstText.add(other.firstText)
        whole.add(other.whole)
        queued.add(other.queued)
        sessions.add(other.sessions)
    }
}
