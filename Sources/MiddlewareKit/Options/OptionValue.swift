/// A type that an option can have: it reads itself from a file, and writes itself as YAML.
public protocol OptionValue: Sendable {
    static var optionType: OptionType { get }

    /// Reads the value; nil, and at least one error in `findings`, when anything about it is wrong.
    static func read(_ node: ConfigNode, findings: inout Findings) -> Self?

    /// Like `read`, but keeps what is right of a value that has parts, so that later checks can look at the rest and a
    /// person gets all findings at once. The result is for such checks only: it must not be used when there are errors.
    static func salvage(_ node: ConfigNode, findings: inout Findings) -> Self?

    /// The value as YAML on one line, for defaults and documentation. Reading it gives the value again, except for secrets.
    var optionText: String { get }
}

extension OptionValue {
    public static func salvage(_ node: ConfigNode, findings: inout Findings) -> Self? {
        read(node, findings: &findings)
    }
}

/// What a value of an option looks like, for documentation and schemas.
public indirect enum OptionType: Sendable, Hashable {
    case string
    case boolean
    case integer
    case number
    case duration
    case size
    case secret
    case choice([String])
    case list(of: OptionType)
    /// A single value, or a list of them.
    case oneOrList(of: OptionType)
    /// A mapping with free keys.
    case dictionary(of: OptionType)
    /// A mapping with known keys. No keys: something else checks them.
    case group(name: String, [OptionDescription])

    /// True when a value of this type is secret or holds secrets, other than in an option of its own.
    public var isSecret: Bool {
        switch self {
        case .secret: true
        case .list(let element), .oneOrList(let element), .dictionary(let element): element.isSecret
        default: false
        }
    }
}

/// All that is known of an option: the source of the reference page, the schema and the default file.
public struct OptionDescription: Sendable, Hashable {
    public let key: String
    public let type: OptionType
    /// What the option does, in one or two sentences.
    public let help: String
    /// The default as YAML; nil when there is none.
    public let defaultText: String?
    /// A value as YAML.
    public let example: String?
    public let isRequired: Bool
    /// The bounds, both included.
    public let range: OptionRange?
    /// The bounds, in words: "0 to 65535".
    public var rangeText: String? { range.map { "\($0.lowest) to \($0.highest)" } }

    public var isSecret: Bool { type.isSecret }

    public init(
        key: String,
        type: OptionType,
        help: String,
        defaultText: String? = nil,
        example: String? = nil,
        isRequired: Bool = false,
        range: OptionRange? = nil
    ) {
        self.key = key
        self.type = type
        self.help = help
        self.defaultText = defaultText
        self.example = example
        self.isRequired = isRequired
        self.range = range
    }
}

/// The lowest and the highest value of an option, as YAML.
public struct OptionRange: Sendable, Hashable {
    public let lowest: String
    public let highest: String

    public init(lowest: String, highest: String) {
        self.lowest = lowest
        self.highest = highest
    }
}
