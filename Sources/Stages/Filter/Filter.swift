import MiddlewareKit

/// Replaces or blocks what it finds in messages, in replies while they stream, and in the blocks of answers.
struct Filter: Middleware {
    private let options: FilterOptions
    private let automaton: Automaton

    /// - Throws: ``PatternProblem`` for a pattern that cannot be used.
    init(_ options: FilterOptions) throws {
        self.options = options
        automaton = try options.automaton()
    }

    var handles: StagePaths { options.paths }

    func inbound(_ message: InboundMessage, context: MessageContext, next: Next<InboundMessage>) async throws {
        var message = message
        let (text, hasFinds) = filtered(message.text)
        if hasFinds, options.action == .block { throw Rejection(code: "filtered", message: options.message) }
        message.text = text
        try await next(message, context)
    }

    /// The text of a reply went through the transform already; its blocks and details did not, and what others wrote did not.
    func outbound(_ event: OutboundEvent, context: MessageContext, next: Next<OutboundEvent>) async throws {
        var event = event
        event.blocks = event.blocks.compactMap { block in
            var hasFinds = false
            let changed = block.mappingText { text in
                let result = filtered(text)
                hasFinds = hasFinds || result.hasFinds
                return result.text
            }
            return hasFinds && options.action == .block ? nil : changed
        }
        // The gateway's own words for what failed.
        if let detail = event.detail {
            let (text, hasFinds) = filtered(detail)
            event.detail = hasFinds && options.action == .block ? options.message : text
        }
        if event.kind == .message {
            let (text, hasFinds) = filtered(event.text)
            event.text = hasFinds && options.action == .block ? options.message : text
        }
        try await next(event, context)
    }

    func makeReplyTransform(for run: Run) -> ReplyTransformKind? {
        switch options.action {
        case .replace:
            .immediate(ReplacingFilter(automaton, replacement: options.replacement, maxLength: options.maxLength))
        case .block:
            .immediate(BlockingFilter(automaton, message: options.message, maxLength: options.maxLength))
        }
    }

    private func filtered(_ text: String) -> (text: String, hasFinds: Bool) {
        var scanner = TextScanner(automaton, maxHold: .max)
        var output = FilteredText(replacement: options.replacement)
        scanner.feed(text[...]) { output.add($0) }
        scanner.finish { output.add($0) }
        return (String(output.text), output.hasFinds)
    }
}

/// The text with a replacement in the place of each find.
private struct FilteredText {
    let replacement: String
    var text = String.UnicodeScalarView()
    var hasFinds = false

    mutating func add(_ piece: TextScanner.Piece) {
        switch piece {
        case .plain(let scalars): text.add(scalars)
        case .find:
            text.add(replacement.unicodeScalars)
            hasFinds = true
        case .found: break
        }
    }
}

/// `action: replace`, for a reply that streams.
private struct ReplacingFilter: ReplyTransform {
    private var scanner: TextScanner
    private let replacement: String

    init(_ automaton: Automaton, replacement: String, maxLength: Int) {
        scanner = TextScanner(automaton, maxHold: maxLength)
        self.replacement = replacement
    }

    var keptBack: Int? { scanner.held }

    mutating func feed(_ text: Substring) -> TextChange {
        var output = FilteredText(replacement: replacement)
        scanner.feed(text) { output.add($0) }
        return .append(String(output.text))
    }

    mutating func finish() -> TextChange {
        var output = FilteredText(replacement: replacement)
        scanner.finish { output.add($0) }
        return .append(String(output.text))
    }
}

/// `action: block`, for a reply that streams: with the first find, what was shown is taken back and nothing more comes.
private struct BlockingFilter: ReplyTransform {
    private var scanner: TextScanner
    private let message: String
    private var isBlocked = false

    init(_ automaton: Automaton, message: String, maxLength: Int) {
        scanner = TextScanner(automaton, maxHold: maxLength)
        self.message = message
    }

    var keptBack: Int? { isBlocked ? 0 : scanner.held }

    mutating func feed(_ text: Substring) -> TextChange {
        guard !isBlocked else { return .append("") }
        var output = FilteredText(replacement: "")
        scanner.feed(text) { output.add($0) }
        return change(output)
    }

    mutating func finish() -> TextChange {
        guard !isBlocked else { return .append("") }
        var output = FilteredText(replacement: "")
        scanner.finish { output.add($0) }
        return change(output)
    }

    private mutating func change(_ output: FilteredText) -> TextChange {
        guard output.hasFinds else { return .append(String(output.text)) }
        isBlocked = true
        return .replace(message)
    }
}
