import MiddlewareKit
import Synchronization

/// Remembers which placeholder stands for which value, for each session apart. Safe to use from anywhere.
///
/// Bounded: the sessions that were used least lately are forgotten, and a session has ``valuesPerSession`` values at most.
/// It lives in memory only: writing it down would keep what the stage is there to hide.
final class PlaceholderTable: Sendable {
    struct SessionName: Hashable, Sendable {
        var gateway: String
        var key: String
    }

    /// The values of one session.
    struct Values: Sendable {
        fileprivate(set) var placeholders: [String: String] = [:]
        fileprivate(set) var values: [String: String] = [:]
        fileprivate var usedAt = 0

        /// The placeholder of a value; one without number when it has none.
        func placeholder(for value: String, name: String) -> String { placeholders[value] ?? "[\(name)]" }
    }

    static let valuesPerSession = 1000

    /// Whether something in the text has the form of a placeholder, `[EMAIL_1]`, of whatever session.
    static func mayHoldPlaceholder(_ text: String) -> Bool {
        var rest = text.utf8[...]
        while let start = rest.firstIndex(of: UInt8(ascii: "[")) {
            rest = rest[rest.index(after: start)...]
            let word = rest.prefix { $0 == UInt8(ascii: "_") || $0.isCapitalOrDigit }
            let parts = word.split(separator: UInt8(ascii: "_"))
            if parts.count > 1, parts.last?.allSatisfy(\.isDigit) == true,
                rest.dropFirst(word.count).first == UInt8(ascii: "]")
            {
                return true
            }
        }
        return false
    }

    private struct State {
        var sessions: [SessionName: Values] = [:]
        /// The number that was given last, by names.
        var numbers: [String: Int] = [:]
        var uses = 0
    }

    private let capacity: Int
    private let time: any TimeSource
    private let state = Mutex(State())

    init(capacity: Int, time: any TimeSource) {
        self.capacity = capacity
        self.time = time
    }

    var count: Int { state.withLock { $0.sessions.count } }

    func values(of session: SessionName) -> Values { state.withLock { $0.sessions[session] } ?? Values() }

    /// The placeholder of a value, a new one if it has none yet.
    func placeholder(for value: String, name: String, in session: SessionName) -> String {
        state.withLock { state in
            state.uses += 1
            var values = state.sessions.removeValue(forKey: session) ?? Values()
            defer {
                values.usedAt = state.uses
                state.sessions[session] = values
                if state.sessions.count > capacity { Self.forgetSome(&state.sessions) }
            }
            if let known = values.placeholders[value] { return known }
            guard values.placeholders.count < Self.valuesPerSession else { return "[\(name)]" }
            let number = max(firstNumber, state.numbers[name, default: 0] + 1)
            state.numbers[name] = number
            let placeholder = "[\(name)_\(number)]"
            values.placeholders[value] = placeholder
            values.values[placeholder] = value
            return placeholder
        }
    }

    /// No number is given twice, whatever was forgotten, and by no earlier table: a gateway still knows values by theirs. Numbers
    /// follow the time since 2026 in hundredths of a millisecond, faster than values can be found.
    private var firstNumber: Int { max(0, Int(time.now.milliseconds - 1_767_225_600_000) * 100) + 1 }

    /// A tenth at once, so that sorting them is seldom.
    private static func forgetSome(_ sessions: inout [SessionName: Values]) {
        let oldest = sessions.sorted { $0.value.usedAt < $1.value.usedAt }.prefix(max(1, sessions.count / 10))
        for (session, _) in oldest { sessions[session] = nil }
    }
}

extension UInt8 {
    fileprivate var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
    fileprivate var isCapitalOrDigit: Bool { isDigit || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self) }
}
