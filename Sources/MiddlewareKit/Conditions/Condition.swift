/// A condition on messages, as written behind `when:`; checked when it is read, and quick to ask.
///
/// ```yaml
/// when: kind in [chat, final] and not (gateway == home or staff in groups)
/// ```
///
/// Asking takes no longer than the length of the texts that it looks at; nothing in it can run long. A fact that a message
/// does not have (`session` of a list of models) equals nothing: `==`, `in`, `matches` and `starts-with` are false for it.
public struct Condition: OptionValue, Hashable, CustomStringConvertible {
    /// What one part of a condition tests.
    indirect enum Test: Sendable, Hashable {
        case constant(Bool)
        case all([Test])
        case any([Test])
        case not(Test)
        case direction(Set<MessageFacts.Direction>)
        case kind(Set<String>)
        case isOne(Fact, of: Words)
        case starts(Fact, with: String)
        case matches(Fact, TextPattern)
        case group(String)
        case address([IPNetwork])
        /// The size of the text in bytes, from and to, both included.
        case size(ClosedRange<Int>)
    }

    /// A fact that is a text.
    enum Fact: String, Sendable, Hashable, CaseIterable {
        case gateway, agent, model, session, user, text
    }

    /// Words to compare with. A few are compared one by one, which takes less time than to hash the other side.
    struct Words: Sendable, Hashable {
        private static let few = 8

        let all: Set<String>
        private let list: [String]

        init(_ words: Set<String>) {
            all = words
            list = words.count <= Self.few ? words.sorted() : []
        }

        func contains(_ word: String) -> Bool { list.isEmpty ? all.contains(word) : list.contains(word) }
    }

    let test: Test
    /// What was read.
    private let text: String
    /// The condition as it was written, with `${NAME}` and not with what the environment holds.
    public let description: String

    /// - Parameter description: As the file writes it; nil: as it is.
    init(test: Test, text: String, description: String? = nil) {
        self.test = test
        self.text = text
        self.description = description ?? text
    }

    /// True for every message.
    public static let always = Condition(test: .constant(true), text: "")

    public func matches(_ facts: @autoclosure () -> MessageFacts) -> Bool {
        if case .constant(let answer) = test { return answer }
        return test.holds(for: facts())
    }

    /// The answer if it is the same for every message.
    public var constant: Bool? {
        if case .constant(let answer) = test { answer } else { nil }
    }

    /// What is left of the condition for messages of one kind.
    public func narrowed(to direction: MessageFacts.Direction, _ kind: String) -> Condition {
        Condition(test: test.narrowed(to: direction, kind), text: text, description: description)
    }

    // MARK: Reading

    public static var optionType: OptionType { .string }

    public static func read(_ node: ConfigNode, findings: inout Findings) -> Condition? {
        guard let text = node.scalar else {
            node.report(
                expected: "a condition such as kind == chat and gateway == home",
                hint: "put quotes around a condition with `[`, `{` or `: `", findings: &findings)
            return nil
        }
        do throws(ConditionError) {
            if let problem = node.written.flatMap({ ConditionFilling($0).problem(filledIn: text) }) {
                findings.error(at: node.position(ofScalar: problem.offset), problem.message, hint: problem.hint)
                return nil
            }
            let condition = try Condition(parsing: text, writtenAs: node.written)
            guard condition.canHold else {
                findings.error(
                    at: node.position, "\(node.label) is never true", hint: "no message is all of this at once")
                return nil
            }
            return condition
        } catch {
            // What a variable holds must not be repeated.
            let message = node.isFromEnvironment ? "\(node.origin) no condition" : error.message
            findings.error(
                at: node.position(ofScalar: error.offset), message, hint: node.isFromEnvironment ? nil : error.hint)
            return nil
        }
    }

    /// Whether there is a kind of message for which the condition is not false from the start.
    var canHold: Bool {
        MessageFacts.Direction.allCases.contains { direction in
            MessageFacts.kinds(direction).contains { narrowed(to: direction, $0).constant != false }
        }
    }

    /// Whether the condition asks for something that is only known of a single message: its direction, kind or text.
    package var asksForMessage: Bool { test.asksForMessage }

    /// Whether the condition asks for the text, or its size.
    package var asksForText: Bool { test.asksForText }

    /// A value that a fact is compared with, as it was written.
    package struct Comparison: Sendable, Hashable {
        /// The word for the fact, such as `gateway`.
        package let fact: String
        package let operation: String
        package let value: String
        /// The number of a Unicode scalar in the text of the condition.
        package let offset: Int
    }

    /// All comparisons, in the order in which they stand there.
    package var comparisons: [Comparison] {
        guard let tokens = try? ConditionToken.all(of: text) else { return [] }
        var parser = ConditionParser(tokens: tokens)
        _ = try? parser.whole()
        return parser.comparisons
    }

    public var optionText: String { description.optionText }
}

extension Condition.Test {
    /// One of several. What a fact may be is asked once: `user == ada or user == bob` is `user in [ada, bob]`.
    static func either(_ tests: [Self]) -> Self {
        var choices: [Condition.Fact: Set<String>] = [:]
        for case .isOne(let fact, let words) in tests { choices[fact, default: []].formUnion(words.all) }
        let joined = tests.compactMap { test -> Self? in
            guard case .isOne(let fact, _) = test else { return test }
            return choices.removeValue(forKey: fact).map { .isOne(fact, of: Condition.Words($0)) }
        }
        return joined.count == 1 ? joined[0] : .any(joined)
    }

    func holds(for facts: MessageFacts) -> Bool {
        switch self {
        case .constant(let answer): answer
        case .all(let tests): tests.allSatisfy { $0.holds(for: facts) }
        case .any(let tests): tests.contains { $0.holds(for: facts) }
        case .not(let test): !test.holds(for: facts)
        case .direction(let directions): directions.contains(facts.direction)
        case .kind(let kinds): kinds.contains(facts.kind)
        case .isOne(let fact, let words): facts[fact].map(words.contains) ?? false
        case .starts(let fact, let start): facts[fact]?.hasPrefix(start) ?? false
        case .matches(let fact, let pattern): facts[fact].map(pattern.isFound) ?? false
        case .group(let group): facts.groups.contains(group)
        case .address(let networks):
            facts.address.flatMap(IPAddress.init(peer:)).map { address in networks.contains { $0.covers(address) } }
                ?? false
        case .size(let sizes): sizes.contains(facts.text.utf8.count)
        }
    }

    func narrowed(to direction: MessageFacts.Direction, _ kind: String) -> Self {
        switch self {
        case .direction(let directions): return .constant(directions.contains(direction))
        case .kind(let kinds): return .constant(kinds.contains(kind))
        case .not(let test):
            let test = test.narrowed(to: direction, kind)
            if case .constant(let answer) = test { return .constant(!answer) }
            return .not(test)
        case .all(let tests):
            let tests = tests.map { $0.narrowed(to: direction, kind) }
            let exclude = tests.indices.contains { index in tests[..<index].contains { $0.excludes(tests[index]) } }
            return exclude ? .constant(false) : Self.joined(tests, unless: false, Self.all)
        case .any(let tests):
            return Self.joined(tests.map { $0.narrowed(to: direction, kind) }, unless: true, Self.any)
        default: return self
        }
    }

    /// - Parameter decisive: The answer of one test that is the answer of all.
    private static func joined(_ tests: [Self], unless decisive: Bool, _ join: ([Self]) -> Self) -> Self {
        if tests.contains(.constant(decisive)) { return .constant(decisive) }
        let open = tests.filter { $0 != .constant(!decisive) }
        return open.isEmpty ? .constant(!decisive) : open.count == 1 ? open[0] : join(open)
    }

    /// Whether no message can pass both tests, as far as can be seen from them.
    private func excludes(_ other: Self) -> Bool {
        switch (self, other) {
        case (.isOne(let fact, let words), .isOne(let other, let others)):
            fact == other && words.all.isDisjoint(with: others.all)
        case (.isOne(let fact, let words), .starts(let other, let start)),
            (.starts(let other, let start), .isOne(let fact, let words)):
            fact == other && !words.all.contains { $0.utf8.starts(with: start.utf8) }
        case (.isOne(let fact, let words), .not(.isOne(let other, let others))),
            (.not(.isOne(let other, let others)), .isOne(let fact, let words)):
            fact == other && words.all.isSubset(of: others.all)
        case (.size(let sizes), .size(let others)): !sizes.overlaps(others)
        case (let test, .not(let negated)), (.not(let negated), let test): test == negated
        default: false
        }
    }

    var asksForMessage: Bool {
        switch self {
        case .direction, .kind: true
        case .all(let tests), .any(let tests): tests.contains(where: \.asksForMessage)
        case .not(let test): test.asksForMessage
        default: asksForText
        }
    }

    var asksForText: Bool {
        switch self {
        case .size: true
        case .isOne(let fact, _), .starts(let fact, _), .matches(let fact, _): fact == .text
        case .all(let tests), .any(let tests): tests.contains(where: \.asksForText)
        case .not(let test): test.asksForText
        case .constant, .direction, .kind, .group, .address: false
        }
    }
}

extension MessageFacts {
    fileprivate subscript(fact: Condition.Fact) -> String? {
        switch fact {
        case .gateway: gateway
        case .agent: agent
        case .model: model
        case .session: session
        case .user: user
        case .text: text
        }
    }
}
