public import MiddlewareKit

extension Transcript {
    /// What comes out of a middleware when the entries go in, one after the other: messages and events that it passes on,
    /// and the pieces of replies as its transforms let them out. What it rejects or drops is not there.
    ///
    /// Keep the result as a file, and compare it with what comes out later:
    ///
    /// ```swift
    /// let expected = try Transcript(parsing: golden)
    /// #expect(try await input.played(through: stage).differences(from: expected) == [])
    /// ```
    ///
    /// - Throws: What the middleware throws beside rejections.
    public func played(through middleware: any Middleware) async throws -> Transcript {
        let harness = StageHarness(middleware)
        var out = Transcript()
        var replies: [String: VisibleReply] = [:]
        var contexts: [String: MessageContext] = [:]
        for (index, entry) in entries.enumerated() {
            let known = entry.type == .inbound ? nil : entry.run.flatMap { contexts[$0] }
            let context = known ?? entry.context(id: "message-\(index + 1)")
            if let message = entry.message {
                let outcome = await harness.send(message, context: context)
                if case .failed(let error) = outcome { throw error }
                guard case .passed(let message, let changed) = outcome else { continue }
                if let run = message.runID, message.kind == .chat { contexts[run] = changed }
                out.entries.append(Entry(message, changed).at(entry.at))
            } else if let run = entry.replyRun, let change = entry.change {
                var reply = replies.removeValue(forKey: run.id) ?? VisibleReply(middleware, run: run)
                if case .replace = change { reply = VisibleReply(middleware, run: run) }
                let before = reply.text
                try await reply.feed(entry.text)
                replies[run.id] = reply
                out.entries.append(Entry(reply.change(from: before, change), of: run).at(entry.at))
            } else if let event = entry.event {
                var event = event
                if event.kind.isTerminal {
                    var reply = VisibleReply(middleware, run: event.run)
                    try await reply.feed(event.text)
                    try await reply.finish()
                    event.text = reply.text
                    replies[event.run.id] = nil
                }
                let outcome = await harness.deliver(event, context: context)
                if case .failed(let error) = outcome { throw error }
                guard case .passed(let event, let changed) = outcome else { continue }
                out.entries.append(Entry(event, changed).at(entry.at))
            }
        }
        return out
    }
}

extension Transcript.Entry {
    fileprivate func at(_ time: Int64?) -> Self {
        var entry = self
        entry.at = time
        return entry
    }
}

extension VisibleReply {
    /// What a browser that had `text` is told.
    fileprivate func change(from before: String, _ input: TextChange) -> TextChange {
        if case .replace = input { return .replace(text) }
        guard text.utf8.starts(with: before.utf8) else { return .replace(text) }
        return .append(String(decoding: text.utf8.dropFirst(before.utf8.count), as: UTF8.self))
    }
}
