import Hummingbird
import JSON
import MiddlewareKit
import NIOCore
import PipelineEngine

/// The chains of the running server, for administrators.
extension Routes {
    func addPipeline(to group: RouterGroup<CallContext>) {
        let hub = hub
        group.get { request, call in
            try await hub.requireAdministrator(request, call)
            return Response(json: await hub.chains.json)
        }
        group.post("trace") { request, call in
            var request = request
            try await hub.requireAdministrator(request, call)
            let body = try await request.jsonObject()
            try body.requireOnly("when", "seconds", "text")
            // Calls of the API are messages too: whoever says nothing means a conversation.
            let condition = try Condition(member: try body.string("when", atMost: 2000) ?? "kind == chat")
            guard let seconds = body["seconds"].map({ $0.int }) ?? 60, (1...600).contains(seconds) else {
                throw Rejection.badRequest("`seconds` must be 1 to 600.")
            }
            guard let showsText = body["text"].map({ $0.bool }) ?? false else {
                throw Rejection.badRequest("`text` must be true or false.")
            }
            let trace = try await hub.traceNext(condition, within: .seconds(Int64(seconds)))
            // Nobody watches any more.
            call.onClose { trace.finish() }
            return Response(
                status: .ok, headers: [.contentType: "application/jsonl; charset=utf-8", .cacheControl: "no-store"],
                body: ResponseBody { writer in
                    for await record in trace.records {
                        var buffer = ByteBuffer()
                        buffer.writeJSON(record.json(showsText: showsText))
                        buffer.writeStaticString("\n")
                        try await writer.write(buffer)
                    }
                    try await writer.finish(nil)
                })
        }
    }
}

extension Condition {
    /// A condition of a body.
    /// - Throws: ``Rejection`` that says what is wrong with it.
    fileprivate init(member text: String) throws {
        var findings = Findings()
        let place = SourcePosition(file: "`when`", line: 1, column: 1)
        var node = ConfigNode(position: place, content: .scalar(text, isPlain: true))
        node.label = "it"
        guard let condition = Condition.read(node, findings: &findings) else {
            let words = findings.all.map { "\($0.message)\($0.hint.map { " (\($0))" } ?? "")" }
            throw Rejection.badRequest("`when`: \(words.joined(separator: "; "))")
        }
        self = condition
    }
}

extension ChainSet {
    fileprivate var json: JSONValue {
        [
            "generation": .integer(Int64(generation)),
            "chains": .array(
                all.map { ["name": .string($0.name), "stages": .array($0.chain.stages.map(\.json))] }),
            "attach": .array(
                attachments.map { ["chain": .string($0.name), "when": .string($0.condition.description)] }),
        ]
    }
}

extension Stage {
    fileprivate var json: JSONValue {
        let paths = middleware.handles
        let figures = figures.current
        return [
            "name": .string(name), "kind": .string(kind), "options": .string(options),
            "when": condition == .always ? .null : .string(condition.description),
            "mode": mode == .enforce ? "enforce" : "shadow",
            "timeoutMs": timeout.map { .integer($0.wholeMilliseconds) } ?? .null,
            "onError": .string(onError.rawValue),
            "handles": [
                "inbound": .array(paths.inbound.map(\.rawValue).sorted().map { .string($0) }),
                "outbound": .array(paths.outbound.map(\.rawValue).sorted().map { .string($0) }),
                "replyText": .bool(paths.replyText),
            ],
            "figures": [
                "calls": .integer(Int64(figures.calls)), "rejections": .integer(Int64(figures.rejections)),
                "drops": .integer(Int64(figures.drops)), "errors": .integer(Int64(figures.errors)),
                "timeouts": .integer(Int64(figures.timeouts)), "changes": .integer(Int64(figures.changes)),
                "meanMicroseconds": .number(
                    figures.calls == 0 ? 0 : figures.total / .microseconds(1) / Double(figures.calls)),
            ],
        ]
    }
}

extension PassageTrace.Record {
    /// The most of a changed text that is shown, in characters.
    private static let shownLength = 500

    /// - Parameter showsText: Whether the words of messages are in it, or only how many there are.
    fileprivate func json(showsText: Bool) -> JSONValue {
        switch outcome {
        case .waiting:
            return ["outcome": "waiting"]
        case .expired(let isMatched):
            let words =
                isMatched
                ? "The time was over before the conversation was."
                : "No message came for which the condition holds."
            return ["outcome": "expired", "message": .string(words)]
        default: break
        }
        var object: JSONObject = ["direction": .string(direction.rawValue), "kind": .string(kind)]
        object["chain"] = chain.map { .string($0) }
        object["stage"] = stage.map { .string($0) }
        if isShadow { object["shadow"] = true }
        switch outcome {
        case .rejected(let code, let message):
            object["outcome"] = isShadow ? "would-have-rejected" : "rejected"
            object["code"] = .string(code)
            object["message"] = .string(message)
        case .timedOut: object["outcome"] = "timed-out"
        case .passed where isShadow: object["outcome"] = "would-have-passed"
        case .dropped where isShadow: object["outcome"] = "would-have-dropped"
        case .rewrote where isShadow: object["outcome"] = "would-have-rewritten"
        default: object["outcome"] = .string("\(outcome)")
        }
        object["tookMicroseconds"] = took.map { .number($0 / .microseconds(1)) }
        object["change"] = change.map { change in
            func part(_ text: String) -> JSONValue {
                showsText
                    ? .string(String(text.prefix(Self.shownLength))) : .integer(Int64(text.unicodeScalars.count))
            }
            return ["at": .integer(Int64(change.at)), "removed": part(change.removed), "added": part(change.added)]
        }
        return .object(object)
    }
}
