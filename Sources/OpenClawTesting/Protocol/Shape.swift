import JSON

/// What a parameter must look like. Objects are closed: OpenClaw refuses members that it does not know, and null
/// (OpenClaw protocol: "Decode leniently, encode strictly").
indirect enum Shape: Sendable {
    case string(characters: ClosedRange<Int>)
    case oneOf([String])
    case integer(ClosedRange<Int>)
    case boolean
    case array(Shape)
    case object([Member])
    case anything

    struct Member: Sendable {
        let name: String
        let shape: Shape
        let isRequired: Bool
    }

    static let text = Shape.string(characters: 0...Int.max)
    static let nonEmptyText = Shape.string(characters: 1...Int.max)
    static let natural = Shape.integer(0...Int.max)

    static func required(_ name: String, _ shape: Shape) -> Member {
        Member(name: name, shape: shape, isRequired: true)
    }
    static func optional(_ name: String, _ shape: Shape) -> Member {
        Member(name: name, shape: shape, isRequired: false)
    }

    /// The same without the members of these names, at any depth: how an older gateway sees it.
    func without(_ names: Set<String>) -> Shape {
        guard case .object(let members) = self else { return self }
        return .object(
            members.filter { !names.contains($0.name) }
                .map { Member(name: $0.name, shape: $0.shape.without(names), isRequired: $0.isRequired) })
    }

    /// All that is wrong, in the gateway's words: `at root: unexpected property 'x'`.
    ///
    /// - Parameter path: Where the value is, such as `/client/id`; empty for the root.
    func problems(in value: JSONValue, at path: String = "") -> [String] {
        switch (self, value) {
        case (.anything, _), (.boolean, .bool):
            return []
        case (.string(let allowed), .string(let text)):
            if text.count < allowed.lowerBound {
                return [at(path, "must NOT have fewer than \(allowed.lowerBound) characters")]
            }
            return text.count > allowed.upperBound
                ? [at(path, "must NOT have more than \(allowed.upperBound) characters")] : []
        case (.oneOf(let words), .string(let text)):
            return words.contains(text) ? [] : [at(path, "must be equal to one of the allowed values")]
        case (.integer(let allowed), _) where value.int != nil:
            guard let number = value.int, number >= allowed.lowerBound else {
                return [at(path, "must be >= \(allowed.lowerBound)")]
            }
            return number > allowed.upperBound ? [at(path, "must be <= \(allowed.upperBound)")] : []
        case (.array(let element), .array(let elements)):
            return elements.enumerated().flatMap { element.problems(in: $1, at: "\(path)/\($0)") }
        case (.object(let members), .object(let object)):
            return problems(of: object, members, at: path)
        default:
            return [at(path, "must be \(typeName)")]
        }
    }

    private func problems(of object: JSONObject, _ members: [Member], at path: String) -> [String] {
        let missing = members.filter { $0.isRequired && object[$0.name] == nil }
            .map { at(path, "must have required property '\($0.name)'") }
        let unexpected = object.keys.filter { key in !members.contains { $0.name == key } }
            .map { at(path, "unexpected property '\($0)'") }
        let wrong = members.flatMap { member in
            object[member.name].map { member.shape.problems(in: $0, at: "\(path)/\(member.name)") } ?? []
        }
        return missing + unexpected + wrong
    }

    private func at(_ path: String, _ problem: String) -> String { "at \(path.isEmpty ? "root" : path): \(problem)" }

    private var typeName: String {
        switch self {
        case .string, .oneOf: "string"
        case .integer: "integer"
        case .boolean: "boolean"
        case .array: "array"
        case .object, .anything: "object"
        }
    }
}
