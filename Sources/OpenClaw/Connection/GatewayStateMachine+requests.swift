package import JSON

/// Requests in flight, matched by id. All of them fail at once when the socket is lost.
extension GatewayStateMachine {
    struct Pending: Sendable, Equatable {
        var request: GatewayRequest
    }

    /// Sends a request.
    ///
    /// - Returns: Its id, under which its `complete` or `failPending` comes exactly once, and what to do.
    /// - Throws: When it cannot be sent now; then nothing of it is left.
    package mutating func submit(
        method: String,
        params: JSONValue
    ) throws(GatewayError) -> (id: String, actions: [Action]) {
        guard phase == .connected else {
            let reason = status.reason ?? "it is \(status.state.rawValue)"
            throw .notConnected(gateway: options.gatewayID, reason: reason)
        }
        guard pending.count < options.pendingLimit else { throw .tooManyPending }
        let request = GatewayRequest(id: makeID(), method: method, params: params)
        pending[request.id] = Pending(request: request)
        let deadline = Timer.deadline(request: request.id)
        return (request.id, [.setTimer(deadline, after: options.requestTimeout), .send(request)])
    }

    /// The request could not be written.
    package mutating func reject(_ id: String, _ error: GatewayError) -> [Action] {
        finish(id, .failure(error))
    }

    mutating func receivedAnswer(_ frame: JSONValue, now: Moment) -> [Action] {
        guard let id = frame["id"]?.string else { return [] }
        if case .hello(id, let since) = phase { return receivedHello(frame, since: since, now: now) }
        // Late, or a second answer to the same request.
        guard let request = pending[id]?.request else { return [] }
        if frame["ok"]?.bool == true { return finish(id, .success(frame["payload"] ?? .null)) }
        let fault = GatewayFault(json: frame["error"])
        if fault.isStartup { return [.setTimer(.resend(request: id), after: fault.startupDelay)] }
        if let scope = fault.missingScope {
            return finish(id, .failure(.missingScope(scope, method: request.method)))
        }
        let words = fault.message
        // With a payload it is a run that failed, told again.
        if fault.isBusy, frame["payload"]?["status"] == nil {
            return finish(id, .failure(.unavailable(message: words, retryAfter: fault.patience)))
        }
        return finish(id, .failure(.refused(code: fault.code, message: words, retryAfterMs: fault.retryAfterMs)))
    }

    mutating func expire(_ id: String) -> [Action] {
        guard let late = pending[id] else { return [] }
        return finish(id, .failure(.timedOut(method: late.request.method)))
    }

    mutating func failPending(_ error: GatewayError) -> [Action] {
        guard !pending.isEmpty else { return [] }
        let ids = pending.keys.sorted()
        pending = [:]
        return ids.flatMap { [.cancelTimer(.deadline(request: $0)), .cancelTimer(.resend(request: $0))] }
            + [.failPending(ids, error)]
    }

    private mutating func finish(_ id: String, _ answer: Answer) -> [Action] {
        guard pending.removeValue(forKey: id) != nil else { return [] }
        return [
            .cancelTimer(.deadline(request: id)), .cancelTimer(.resend(request: id)),
            .complete(id: id, answer: answer),
        ]
    }
}
