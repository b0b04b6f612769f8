import JSON

/// `sessions.patch`, `sessions.reset` and `sessions.delete` (OpenClaw protocol: lists).
extension FakeGateway {
    func patchSession(_ parameters: JSONValue) throws(GatewayRefusal) -> JSONValue {
        let key = keys.canonical(parameters["key"]?.string ?? "")
        if let model = parameters["model"]?.string,
            !options.models.contains(where: { $0.id == model || "\($0.provider)/\($0.id)" == model })
        {
            throw .invalidRequest("model not allowed: \(model)")
        }
        var choices = transcripts.choices(key)
        for name in ["label", "model", "thinkingLevel", "verboseLevel"] {
            guard let value = parameters[name] else { continue }
            choices[name] = value.isNull ? nil : value
        }
        transcripts.choose(choices, in: key, at: options.now())
        return ["ok": true, "path": "(memory)", "key": .string(key), "entry": .object(choices)]
    }

    /// The conversation begins anew, under the same key.
    func resetSession(_ parameters: JSONValue) -> JSONValue {
        let key = keys.canonical(parameters["key"]?.string ?? "")
        transcripts.clear(key, at: options.now())
        return ["ok": true, "key": .string(key), "entry": ["sessionId": .string(transcripts.sessionID(key))]]
    }

    func deleteSession(_ parameters: JSONValue) throws(GatewayRefusal) -> JSONValue {
        let key = keys.canonical(parameters["key"]?.string ?? "")
        guard key != keys.canonical("main") else {
            throw .invalidRequest("Cannot delete the main session (\(key)).")
        }
        return ["ok": true, "key": .string(key), "deleted": .bool(transcripts.remove(key))]
    }
}
