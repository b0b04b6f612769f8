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
        /// The next number, by names.
        fileprivate var counts: [String: Int] = [:]
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
        var uses = 0
    }

    private let capacity: Int
    /// What was numbered before this table was made is not numbered again: the gateway still knows it by its number.
    private let firstNumber: Int
    private let state = Mutex(State())

    /// - Parameter now: By its seconds since 2026 the first number goes. A session has its values at no such pace.
    init(capacity: Int, now: Timestamp) {
        self.capacity = capacity
        firstNumber = max(1, Int((now.milliseconds - 1_767_225_600_000) / 1000) + 1)
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
            let number = values.counts[name] ?? firstNumber
            values.counts[name] = number + 1
            let placeholder = "[\(name)_\(number)]"
            values.placeholders[value] = placeholder
            values.values[placeholder] = value
            return placeholder
        }
    }

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
