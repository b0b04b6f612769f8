import JSON

/// Requests after the handshake.
extension FakeGateway {
    func answer(_ request: RequestFrame, from id: Int) {
        guard !faults.contains(.stall(method: request.method)) else { return }
        if losesAnswer(to: request.method) { lostAnswers.insert(request.id) }
        do throws(GatewayRefusal) {
            for case .refuse(request.method, let refusal) in faults { throw refusal }
            guard let method = GatewayMethod(rawValue: request.method), offers(method) else {
                throw .invalidRequest("unknown method: \(request.method)")
            }
            try checkScope(of: method, connection: id)
            let parameters = request.parameters.isNull ? [:] : request.parameters
            let problems = method.parameters(options.protocolVersion).problems(in: parameters)
            guard problems.isEmpty else {
                throw .invalidRequest("invalid \(method.rawValue) params: \(problems.joined(separator: "; "))")
            }
            try answer(method, parameters, request: request.id, connection: id)
        } catch {
            respond(to: request.id, error, on: id)
        }
    }

    private func losesAnswer(to method: String) -> Bool {
        for (position, fault) in faults.enumerated() {
            guard case .loseAnswer(method, let times) = fault else { continue }
            if times > 1 {
                faults[position] = .loseAnswer(method: method, times: times == .max ? .max : times - 1)
            } else {
                faults.remove(at: position)
            }
            return true
        }
        return false
    }

    func offers(_ method: GatewayMethod) -> Bool { method != .sessionsSubscribe || options.offersSubscriptions }

    private func checkScope(of method: GatewayMethod, connection id: Int) throws(GatewayRefusal) {
        guard let admission = connections[id]?.admission, !admission.allows(method.scope) else { return }
        let message = "missing scope: \(method.scope)"
        guard options.protocolVersion == .v4 else { throw .invalidRequest(message) }
        let details: JSONValue = [
            "code": "MISSING_SCOPE", "missingScope": .string(method.scope), "requiredScopes": [.string(method.scope)],
        ]
        throw GatewayRefusal(code: "FORBIDDEN", message: message, details: details.encoded())
    }

    private func answer(
        _ method: GatewayMethod,
        _ parameters: JSONValue,
        request: String,
        connection id: Int
    ) throws(GatewayRefusal) {
        switch method {
        case .connect: throw .invalidRequest("connect is only valid as the first request")
        case .chatSend: try sendChat(parameters, request: request, connection: id)
        case .chatAbort: respond(to: request, try abortChat(parameters, connection: id), on: id)
        case .chatHistory: respond(to: request, history(parameters), on: id)
        case .agentsList: respond(to: request, agentsPayload, on: id)
        case .modelsList: respond(to: request, modelsPayload, on: id)
        case .sessionsList: respond(to: request, sessionsPayload(parameters), on: id)
        case .sessionsSubscribe:
            connections[id]?.isSubscribedToSessions = true
            respond(to: request, ["subscribed": true], on: id)
        case .sessionsPatch: respond(to: request, try patchSession(parameters), on: id)
        case .sessionsReset: respond(to: request, resetSession(parameters), on: id)
        case .sessionsDelete: respond(to: request, try deleteSession(parameters), on: id)
        case .approvalList: respond(to: request, approvalsPayload, on: id)
        case .approvalResolve: respond(to: request, try resolveApproval(parameters), on: id)
        case .health: respond(to: request, healthPayload, on: id)
        case .status: respond(to: request, ["sessions": ["count": .integer(Int64(transcripts.keys.count))]], on: id)
        }
    }
}
