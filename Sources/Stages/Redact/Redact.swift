import MiddlewareKit

/// `mode: one-way`: values are replaced by what they are, for everybody below the stage.
struct OneWayRedact: Middleware {
    let values: PrivateValues

    let handles = RedactPlugin.paths

    func inbound(_ message: InboundMessage, context: MessageContext, next: Next<InboundMessage>) async throws {
        var message = message
        message.text = redacted(message.text)
        try await next(message, context)
    }

    func outbound(_ event: OutboundEvent, context: MessageContext, next: Next<OutboundEvent>) async throws {
        var event = event
        event.blocks = event.blocks.map { $0.mappingText(redacted) }
        event.detail = event.detail.map(redacted)
        // What somebody wrote elsewhere is no reply, so no transform has seen it.
        if event.kind == .message { event.text = redacted(event.text) }
        try await next(event, context)
    }

    func makeReplyTransform(for run: Run) -> ReplyTransformKind? { .immediate(StreamingRedactor(values)) }

    private func redacted(_ text: String) -> String { values.replacing(in: text) { name, _ in "[\(name)]" } }
}

/// `mode: reversible`: the gateway gets numbered placeholders, the browsers get the values back, and what is kept has
/// placeholders in both directions.
struct ReversibleRedact: Middleware {
    let values: PrivateValues
    let table: PlaceholderTable

    let handles = RedactPlugin.paths

    func inbound(_ message: InboundMessage, context: MessageContext, next: Next<InboundMessage>) async throws {
        let session = PlaceholderTable.SessionName(gateway: message.gateway, key: message.sessionKey ?? "")
        var message = message
        message.text = values.replacing(in: message.text) { name, value in
            table.placeholder(for: value, name: name, in: session)
        }
        try await next(message, hiding(in: session, context))
    }

    func outbound(_ event: OutboundEvent, context: MessageContext, next: Next<OutboundEvent>) async throws {
        let session = PlaceholderTable.SessionName(gateway: event.run.gateway, key: event.run.sessionKey)
        let known = table.values(of: session)
        var event = event
        if !known.values.isEmpty {
            event.blocks = event.blocks.map { block in block.mappingText { restored($0, known) } }
            event.detail = event.detail.map { restored($0, known) }
        }
        try await next(event, hiding(in: session, context))
    }

    func makeReplyTransform(for run: Run) -> ReplyTransformKind? {
        let known = table.values(of: PlaceholderTable.SessionName(gateway: run.gateway, key: run.sessionKey))
        return known.values.isEmpty ? nil : .immediate(Restorer(known.values))
    }

    /// Where text is kept it has the placeholders that the gateway gets; a value that the gateway was not told of has one
    /// without number.
    private func hiding(in session: PlaceholderTable.SessionName, _ context: MessageContext) -> MessageContext {
        var context = context
        let (values, table, before) = (values, table, context.rewriteKept)
        context.rewriteKept = { text in
            let known = table.values(of: session)
            return values.replacing(in: before?(text) ?? text) { known.placeholder(for: $1, name: $0) }
        }
        return context
    }

    private func restored(_ text: String, _ known: PlaceholderTable.Values) -> String {
        var restorer = Restorer(known.values)
        var result = ""
        result.apply(restorer.feed(text[...]))
        result.apply(restorer.finish())
        return result
    }
}

/// Puts what a value is in its place, in a reply that streams.
private struct StreamingRedactor: ReplyTransform {
    private var scanner: TextScanner
    private let names: [String]

    init(_ values: PrivateValues) {
        scanner = TextScanner(values.automaton, maxHold: PrivateValues.maxHold)
        names = values.names
    }

    var keptBack: Int? { scanner.held }

    mutating func feed(_ text: Substring) -> TextChange {
        let names = names
        var output = String.UnicodeScalarView()
        scanner.feed(text) { $0.append(to: &output, naming: names) }
        return .append(String(output))
    }

    mutating func finish() -> TextChange {
        let names = names
        var output = String.UnicodeScalarView()
        scanner.finish { $0.append(to: &output, naming: names) }
        return .append(String(output))
    }
}

extension TextScanner.Piece {
    fileprivate func append(to output: inout String.UnicodeScalarView, naming names: [String]) {
        switch self {
        case .plain(let scalars): output.add(scalars)
        case .find(let rule): output.add("[\(names[rule])]".unicodeScalars)
        case .found: break
        }
    }
}
