import MiddlewareKit

/// The text that is kept of a reply, on its way out: trims it, and tells browsers what changed.
///
/// OpenClaw protocol, thinking tags, rules 1 and 7: a text is trimmed only if it holds a tag. So white space at the
/// start goes out with what follows it, and is taken back when the first tag comes; white space at the end waits.
struct VisibleText {
    private let trim: ThinkingStripOptions.Trim
    private var hasTag = false
    private var isEmpty = true
    /// There is nothing but white space.
    private(set) var isBlank = true
    /// White space that a trim may remove: it is kept, but not let out yet.
    private var heldSpace: [UInt8] = []
    /// How much white space was let out at the start that a tag would remove, and all that was let out with it.
    private var leadingSpace = 0
    private var untrimmed: [UInt8] = []
    /// What goes out with the next change.
    private var output: [UInt8] = []
    private var isReplacement = false
    /// Some text has gone out, and browsers show it.
    private var isShown = false

    init(trim: ThinkingStripOptions.Trim) {
        self.trim = trim
    }

    /// Nothing is left once a text with a tag is trimmed.
    var isTrimmedEmpty: Bool { trim == .none ? isEmpty : isBlank }

    mutating func append(_ bytes: ArraySlice<UInt8>) {
        if bytes.isEmpty { return }
        isEmpty = false
        var rest = bytes
        if isBlank {
            let space = rest.prefix(rest.leadingWhiteSpace)
            isBlank = space.count == rest.count
            if trim != .none {
                rest = rest.dropFirst(space.count)
                if !hasTag { heldSpace += space }
                if isBlank { return }
                leadingSpace = heldSpace.count
            }
        }
        guard trim == .both else { return letOut(rest) }
        let space = rest.suffix(rest.trailingWhiteSpace)
        if space.count < rest.count { letOut(rest.dropLast(space.count)) }
        heldSpace += space
    }

    /// In bytes.
    var keptBack: Int { heldSpace.count }

    /// Whether `pass` may be called: no white space waits.
    var canPass: Bool { heldSpace.isEmpty }

    /// Lets out a piece that does not end with white space, and does not begin with it at the start of the text.
    mutating func pass(_ text: Substring) -> TextChange {
        isEmpty = false
        isBlank = false
        isShown = true
        if leadingSpace > 0 { untrimmed += text.utf8 }
        return .append(String(text))
    }

    /// The text holds a tag: it is trimmed from now on, and so is what was let out of it.
    mutating func noteTag() {
        guard !hasTag else { return }
        hasTag = true
        if isBlank { heldSpace = [] }
        if leadingSpace > 0 {
            output = Array(untrimmed.dropFirst(leadingSpace))
            isReplacement = isShown
            leadingSpace = 0
            untrimmed = []
        }
    }

    /// Drops all that was kept.
    mutating func removeAll() {
        isEmpty = true
        isBlank = true
        heldSpace = []
        output.removeAll(keepingCapacity: true)
        isReplacement = isShown
    }

    /// The text has ended: what waited goes out, unless it is trimmed.
    mutating func finish() {
        if !hasTag { letOut([]) }
    }

    /// What changed since the last call.
    mutating func takeChange() -> TextChange {
        let text = String(decoding: output, as: UTF8.self)
        output.removeAll(keepingCapacity: true)
        if isReplacement {
            isReplacement = false
            isShown = !text.isEmpty
            return .replace(text)
        }
        isShown = isShown || !text.isEmpty
        return .append(text)
    }

    /// Lets out the white space that waited, and then text that begins or ends with none.
    private mutating func letOut(_ bytes: ArraySlice<UInt8>) {
        let start = output.count
        output += heldSpace
        output += bytes
        heldSpace.removeAll(keepingCapacity: true)
        if leadingSpace > 0 { untrimmed += output[start...] }
    }
}
