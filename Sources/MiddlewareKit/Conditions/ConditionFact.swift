/// The facts that a condition can ask for, and what each can be compared with.
enum ConditionFact: String, CaseIterable {
    case direction, kind, gateway, agent, model, session, user, groups, ip, text
    case textSize = "text-size"

    var operations: [String] {
        switch self {
        case .direction, .kind, .ip: ["==", "!=", "in"]
        case .gateway, .agent, .model, .session, .user, .text: ["==", "!=", "in", "matches", "starts-with"]
        case .textSize: ["==", "!=", "<", "<=", ">", ">="]
        case .groups: []
        }
    }

    var example: String {
        switch self {
        case .direction: "direction == inbound"
        case .kind: "kind in [chat, final]"
        case .gateway: "gateway == home"
        case .agent: "agent starts-with support-"
        case .model: "model matches \"gpt|claude\""
        case .session: "session starts-with \"agent:main:\""
        case .user: "user in [ada, bob]"
        case .groups: "staff in groups"
        case .ip: "ip in [10.0.0.0/8, \"::1\"]"
        case .text: "text matches \"^/admin\""
        case .textSize: "text-size > 64KiB"
        }
    }

    /// - Parameter values: One, or several behind `in`.
    func test(_ operation: String, _ values: [ConditionToken]) throws(ConditionError) -> Condition.Test {
        let test = try positive(operation, values)
        return operation == "!=" ? .not(test) : test
    }

    private func positive(_ operation: String, _ values: [ConditionToken]) throws(ConditionError) -> Condition.Test {
        switch self {
        case .direction:
            var directions: Set<MessageFacts.Direction> = []
            for value in values {
                guard let direction = MessageFacts.Direction(rawValue: value.value) else {
                    throw noChoice(value, MessageFacts.Direction.allCases.map(\.rawValue))
                }
                directions.insert(direction)
            }
            return .direction(directions)
        case .kind:
            let known = MessageFacts.Direction.allCases.flatMap(MessageFacts.kinds)
            for value in values where !known.contains(value.value) { throw noChoice(value, known) }
            return .kind(Set(values.map(\.value)))
        case .ip:
            var networks: [IPNetwork] = []
            for value in values {
                guard let network = IPNetwork(value.value) else {
                    throw ConditionError(
                        offset: value.offset, message: "\(value.shown) is no IP address and no network",
                        hint: "such as 192.168.1.5, 10.0.0.0/8 or \"::1\"")
                }
                networks.append(network)
            }
            return .address(networks)
        case .textSize:
            return try size(operation, values[0])
        case .gateway, .agent, .model, .session, .user, .text, .groups:
            return try text(Condition.Fact(rawValue: rawValue) ?? .text, operation, values)
        }
    }

    private func text(
        _ fact: Condition.Fact, _ operation: String, _ values: [ConditionToken]
    ) throws(ConditionError) -> Condition.Test {
        switch operation {
        case "starts-with": return .starts(fact, with: values[0].value)
        case "matches":
            do throws(PatternError) {
                return .matches(fact, try TextPattern(values[0].value))
            } catch {
                let isQuoted = if case .text = values[0].kind { true } else { false }
                throw ConditionError(
                    offset: values[0].offset + (isQuoted ? 1 : 0) + error.offset, message: error.message,
                    hint: error.hint)
            }
        default: return .isOne(fact, of: Condition.Words(Set(values.map(\.value))))
        }
    }

    private func size(_ operation: String, _ value: ConditionToken) throws(ConditionError) -> Condition.Test {
        guard let size = Int(value.value) ?? ByteSize(parsing: value.value)?.bytes, size >= 0 else {
            throw ConditionError(
                offset: value.offset, message: "\(value.shown) is no size", hint: "such as 500, 64KiB or 1MiB")
        }
        switch operation {
        case "<": return size == 0 ? .constant(false) : .size(0...(size - 1))
        case "<=": return .size(0...size)
        case ">": return size == .max ? .constant(false) : .size((size + 1)...Int.max)
        case ">=": return .size(size...Int.max)
        default: return .size(size...size)
        }
    }

    private func noChoice(_ value: ConditionToken, _ known: [String]) -> ConditionError {
        let hint = nearestWord(to: value.value, in: known).map { "did you mean `\($0)`?" }
        return ConditionError(
            offset: value.offset, message: "`\(rawValue)` is never \(value.shown)",
            hint: hint ?? "it is one of \(known.joined(separator: ", "))")
    }
}

extension ConditionToken {
    /// The text of a value.
    var value: String {
        switch kind {
        case .word(let text), .text(let text), .symbol(let text): text
        case .end: ""
        }
    }
}
