/// Walks the reasoning tags of a text and keeps what stands outside of their blocks.
///
/// OpenClaw protocol, thinking tags, rules 5, 6, 8 and 9.
struct ReasoningBlocks {
    /// What of the open block comes back if it is never closed.
    private enum Salvage {
        case nothing
        /// Mode `preserve`: what follows the last tag.
        case sinceLastTag
        /// What follows the opening tag, for nothing else is left of the reply (rule 8).
        case sinceOpening
        /// The opening tag and what follows, unless a closing tag comes (rule 9).
        case literally
    }

    private let mode: ThinkingStripOptions.Mode
    private let scope: ThinkingStripOptions.Scope
    private var depth = 0
    private var salvage = Salvage.nothing
    private var salvaged: [UInt8] = []
    /// The text since the last tag is not blank.
    private var hasTextSinceTag = false
    /// The last tag closes nothing, and drops what was kept if more than white space follows it.
    private var isOrphanWaiting = false
    /// The white space that follows the waiting orphan.
    private var spaceAfterOrphan: [UInt8] = []

    init(_ options: ThinkingStripOptions) {
        mode = options.mode
        scope = options.scope
    }

    mutating func append(_ text: TaggedText, to visible: inout VisibleText) {
        var end = 0
        for tag in text.tags {
            append(text.bytes[end..<tag.range.lowerBound], to: &visible)
            append(text.bytes[tag.range], as: tag.kind, to: &visible)
            end = tag.range.upperBound
        }
        append(text.bytes[end...], to: &visible)
    }

    /// Whether `noteText` may be called: text is kept as it is.
    var canPass: Bool { depth == 0 && !isOrphanWaiting }

    /// Some text that is not blank was kept without being appended here.
    mutating func noteText() {
        hasTextSinceTag = true
    }

    /// The text broke off: a block without an end is no answer that was wrapped as a whole.
    mutating func giveUpRescue() {
        if salvage == .sinceOpening { salvaged = [] }
    }

    /// The text has ended.
    mutating func finish(_ visible: inout VisibleText) {
        visible.append(spaceAfterOrphan[...])
        visible.append(salvaged[...])
    }

    private mutating func append(_ text: ArraySlice<UInt8>, to visible: inout VisibleText) {
        guard !text.isEmpty else { return }
        if depth > 0 {
            if salvage != .nothing { salvaged += text }
            return
        }
        if isOrphanWaiting {
            if text.isBlank {
                spaceAfterOrphan += text
                return
            }
            dropForOrphan(&visible)
        }
        hasTextSinceTag = hasTextSinceTag || !text.isBlank
        visible.append(text)
    }

    private mutating func append(_ tag: ArraySlice<UInt8>, as kind: TagKind, to visible: inout VisibleText) {
        // Whatever the tag does, it is more than white space after the orphan.
        if isOrphanWaiting { dropForOrphan(&visible) }
        if depth > 0 {
            nest(tag, as: kind)
        } else if kind == .opening {
            open(tag, after: visible)
        } else if kind == .closing {
            isOrphanWaiting = hasTextSinceTag
        }
        hasTextSinceTag = false
    }

    private mutating func open(_ tag: ArraySlice<UInt8>, after visible: VisibleText) {
        depth = 1
        if scope == .leading, !visible.isBlank {
            salvage = .literally
            salvaged += tag
        } else if mode == .preserve {
            salvage = .sinceLastTag
        } else {
            salvage = visible.isTrimmedEmpty ? .sinceOpening : .nothing
        }
    }

    /// A tag inside a block.
    private mutating func nest(_ tag: ArraySlice<UInt8>, as kind: TagKind) {
        switch kind {
        case .opening: depth += 1
        case .closing: depth -= 1
        case .selfClosing: break
        }
        if kind == .closing, salvage == .literally { salvage = mode == .preserve ? .sinceLastTag : .nothing }
        if depth == 0 || salvage == .sinceLastTag || salvage == .nothing {
            salvaged.removeAll(keepingCapacity: true)
        } else {
            salvaged += tag
        }
    }

    private mutating func dropForOrphan(_ visible: inout VisibleText) {
        isOrphanWaiting = false
        visible.removeAll()
        visible.append(spaceAfterOrphan[...])
        spaceAfterOrphan.removeAll(keepingCapacity: true)
    }
}
