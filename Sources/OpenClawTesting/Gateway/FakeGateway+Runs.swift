import JSON

/// Runs and their events (OpenClaw protocol: chat events, agent events).
extension FakeGateway {
    func begin(_ run: ActiveRun, steps: [ReplyStep]) {
        let id = run.prompt.runID
        runs[id] = run
        if !run.isCommand {
            if run.owner != nil {
                transcripts.appendUser(
                    run.prompt.message, to: run.prompt.sessionKey, run: id, at: options.now())
                sendNewestMessage(of: run.prompt.sessionKey)
            }
            sendAgentEvent("lifecycle", ["phase": "start", "startedAt": now], run: id)
        }
        sendSessionChanged(run, phase: "start")
        startedRuns.deliver(FakeRun(prompt: run.prompt, gateway: self))
        scripts[id] = Task { await play(steps, run: id) }
    }

    private func play(_ steps: [ReplyStep], run id: String) async {
        defer { scripts[id] = nil }
        for step in steps {
            guard runs[id] != nil, !Task.isCancelled else { return }
            switch step {
            case .neverEnd: return
            case .askApproval(let command):
                guard let decision = await decision(on: command, run: id) else { return }
                perform(.delta("The decision is: \(decision). "), run: id)
            case .wait(let duration):
                do { try await options.sleep(duration) } catch { return }
            default: perform(step, run: id)
            }
        }
        perform(.final(nil), run: id)
    }

    /// Does one step at once; nothing when the run has ended.
    func perform(_ step: ReplyStep, run id: String) {
        guard let run = runs[id] else { return }
        switch step {
        case .wait, .neverEnd, .askApproval:
            break
        case .delta(let piece):
            runs[id]?.text += piece
            sendAgentEvent("assistant", ["text": .string(run.text + piece), "delta": .string(piece)], run: id)
            sendDelta(piece, replaces: false, run: id)
        case .replace(let text):
            runs[id]?.text = text
            sendAgentEvent("assistant", ["text": .string(text), "delta": .string(text), "replace": true], run: id)
            sendDelta(text, replaces: true, run: id)
        case .thinking(let piece):
            runs[id]?.thinking += piece
            sendAgentEvent("thinking", ["text": .string(run.thinking + piece), "delta": .string(piece)], run: id)
        case .final(let text):
            finish(run, with: ReplyMessage(thinking: run.thinking, text: text ?? run.text.trimmed))
        case .silent:
            finish(run, with: nil)
        case .error(let message, let kind):
            fail(run, message, kind: kind)
        }
    }

    private func finish(_ run: ActiveRun, with message: ReplyMessage?) {
        let id = run.prompt.runID
        var members: JSONObject = [:]
        if let message {
            transcripts.appendReply(
                message, to: run.prompt.sessionKey, run: run.prompt.runID, at: options.now(), stopReason: "stop")
            if !message.isEmpty { members["message"] = message.json(timestamp: now) }
            if options.protocolVersion == .v4, !run.isCommand {
                // About four bytes of English are a token.
                let input = run.prompt.message.utf8.count / 4 + 1
                let output = message.text.utf8.count / 4 + 1
                members["usage"] = [
                    "input": .integer(Int64(input)), "output": .integer(Int64(output)),
                    "totalTokens": .integer(Int64(input + output)),
                ]
                members["stopReason"] = "stop"
            }
        }
        if run.isCommand {
            runs[id]?.seq += 1
        } else {
            sendAgentEvent("lifecycle", ["phase": "end", "endedAt": now], run: id)
        }
        end(id, state: "final", members, key: run.isCommand ? rawKeyInV3(run) : run.prompt.sessionKey, outcome: .ended)
    }

    private func fail(_ run: ActiveRun, _ message: String, kind: String?) {
        let id = run.prompt.runID
        transcripts.appendReply(
            ReplyMessage(thinking: run.thinking, text: run.text),
            to: run.prompt.sessionKey,
            run: id,
            at: options.now(),
            stopReason: "error",
            more: ["errorMessage": .string(message)]
        )
        sendAgentEvent("lifecycle", ["phase": "error", "error": .string(message), "endedAt": now], run: id)
        var members: JSONObject = ["errorMessage": .string(message)]
        if options.protocolVersion == .v4 { members["errorKind"] = kind.map { .string($0) } }
        end(id, state: "error", members, key: run.prompt.sessionKey, outcome: .failed(message: message))
    }

    func abort(run id: String, stopReason: String) {
        guard let run = runs[id] else { return }
        var members: JSONObject = ["stopReason": .string(stopReason)]
        let partial = ReplyMessage(thinking: run.thinking, text: run.text)
        if !partial.isEmpty {
            transcripts.appendReply(
                partial,
                to: run.prompt.sessionKey,
                run: id,
                at: options.now(),
                stopReason: "stop",
                more: ["openclawAbort": ["aborted": true, "origin": .string(stopReason), "runId": .string(id)]]
            )
            members["message"] = partial.json(timestamp: now)
        }
        runs[id]?.seq += 1
        end(id, state: "aborted", members, key: rawKeyInV3(run), outcome: .ended)
    }

    /// The terminal event, with the sequence number of the event before it.
    private func end(
        _ id: String,
        state: String,
        _ members: JSONObject,
        key: String,
        outcome: FinishedRuns.Outcome
    ) {
        guard let run = runs.removeValue(forKey: id) else { return }
        finishedRuns.record(id, outcome, at: options.now())
        scripts[id]?.cancel()
        broadcast("chat", chatPayload(run, state: state, members, key: key), scope: "operator.read")
        sendSessionChanged(run, phase: "end")
    }

    private func sendDelta(_ piece: String, replaces: Bool, run id: String) {
        guard let run = runs[id] else { return }
        let isLoose = faults.contains(.looseDialect)
        let message = ReplyMessage(thinking: run.thinking, text: isLoose ? piece : run.text)
        var members: JSONObject = ["message": message.json(timestamp: now)]
        if options.protocolVersion == .v4, !isLoose {
            members["deltaText"] = .string(piece)
            if replaces { members["replace"] = true }
        }
        broadcast("chat", chatPayload(run, state: "delta", members, key: run.prompt.sessionKey), scope: "operator.read")
    }

    private func chatPayload(_ run: ActiveRun, state: String, _ members: JSONObject, key: String) -> JSONValue {
        var payload: JSONObject = ["runId": .string(run.prompt.runID), "sessionKey": .string(key)]
        if options.protocolVersion == .v4 { payload["agentId"] = .string(run.prompt.agentID) }
        payload["seq"] = .integer(Int64(run.seq))
        payload["state"] = .string(state)
        for (name, value) in members { payload[name] = value }
        return .object(payload)
    }

    private func sendAgentEvent(_ stream: String, _ data: JSONValue, run id: String) {
        runs[id]?.seq += 1
        guard let run = runs[id] else { return }
        let payload: JSONValue = [
            "runId": .string(id), "stream": .string(stream), "data": data,
            "sessionKey": .string(run.prompt.sessionKey), "seq": .integer(Int64(run.seq)), "ts": now,
        ]
        broadcast("agent", payload, scope: "operator.read")
    }

    /// Only for connections that subscribed; protocol 3 does not count such events.
    private func sendSessionChanged(_ run: ActiveRun, phase: String) {
        let payload: JSONValue = [
            "sessionKey": .string(run.prompt.sessionKey), "phase": .string(phase), "runId": .string(run.prompt.runID),
            "ts": now,
        ]
        for id in readyConnections where connections[id]?.isSubscribedToSessions == true {
            sendEvent("sessions.changed", payload, to: id, isCounted: options.protocolVersion == .v4)
        }
    }

    /// Tells those who subscribed of the message that was added last.
    func sendNewestMessage(of key: String) {
        let messages = transcripts.messages(key)
        guard let message = messages.last else { return }
        let payload: JSONValue = [
            "sessionKey": .string(key), "message": message, "messageId": .string("\(key)#\(messages.count)"),
            "messageSeq": .integer(Int64(messages.count)),
        ]
        for id in readyConnections where connections[id]?.isSubscribedToSessions == true {
            sendEvent("session.message", payload, to: id, isCounted: options.protocolVersion == .v4)
        }
    }

    /// Protocol 3 puts the client's own spelling on events that the agent did not make.
    private func rawKeyInV3(_ run: ActiveRun) -> String {
        options.protocolVersion == .v3 ? run.rawKey : run.prompt.sessionKey
    }
}
