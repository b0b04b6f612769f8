import MiddlewareKit

/// What follows from a failure.
extension GatewayStateMachine {
    /// Ends this attempt or connection, and plans the next one.
    mutating func fail(
        _ failure: ConnectFailure,
        isSocketOpen: Bool,
        closeCode: UInt16 = 1000,
        now: Moment
    ) -> [Action] {
        if phase == .connected { retries.disconnected(after: now.uptime - connectedAt) }
        phase = .waiting
        let failure = explainingClock(failure)
        let plan = plan(failure)
        status.lastError = failure.reason
        status.retryAt = now.wall.advanced(by: plan.delay)
        return failPending(.connectionLost)
            + [.cancelTimer(.handshake), .cancelTimer(.watchdog), .cancelTimer(.recheck), .cancelTimer(.refresh)]
            + (isSocketOpen ? [.closeSocket(code: closeCode, reason: closeCode == 1000 ? "" : failure.reason)] : [])
            + (plan.uselessToken.map { [.discardDeviceToken($0)] } ?? [])
            + [publish(plan.state, failure, now: now), .scheduleReconnect(after: plan.delay)]
    }

    private struct Plan {
        var delay: Duration
        var state: GatewayStatus.State = .backingOff
        var uselessToken: DeviceToken?
    }

    private mutating func plan(_ failure: ConnectFailure) -> Plan {
        switch failure.retry {
        case .fast(let delay):
            if let delay = retries.fast(delay) { return Plan(delay: delay) }
            return grow(failure)
        case .backoff:
            return grow(failure)
        case .after(let delay):
            var plan = grow(failure)
            plan.delay = max(plan.delay, delay)
            return plan
        case .slow(let least):
            return slow(failure, atLeast: least)
        case .olderSignature:
            guard connect.signature == .v3, retries.use(.olderSignature) else {
                connect.signature = .v3
                return slow(failure)
            }
            connect.signature = .v2
            return Plan(delay: .zero)
        case .withoutMembers(let names):
            let known = names.intersection(ConnectRequest.optionalMembers).subtracting(connect.omitted)
            guard !known.isEmpty else { return slow(failure) }
            connect.omitted.formUnion(known)
            return Plan(delay: .zero)
        case .withDeviceToken:
            let hasBoth = connect.token != nil && connect.deviceToken != nil
            guard hasBoth, options.isTrustedEndpoint, retries.use(.withDeviceToken) else { return slow(failure) }
            connect.addsDeviceToken = true
            return Plan(delay: .milliseconds(250))
        case .withoutDeviceToken:
            let old = connect.deviceToken
            connect.deviceToken = nil
            connect.addsDeviceToken = false
            var plan =
                connect.hasSharedSecret && retries.use(.withoutDeviceToken)
                ? Plan(delay: .milliseconds(250)) : slow(failure)
            plan.uselessToken = old
            return plan
        case .backoffOnce:
            return retries.use(.freshNonce) ? grow(failure) : slow(failure)
        }
    }

    private mutating func grow(_ failure: ConnectFailure) -> Plan {
        status.attempts += 1
        return Plan(delay: retries.grow(), state: failure.isPairing ? .pairing : .backingOff)
    }

    private mutating func slow(_ failure: ConnectFailure, atLeast least: Duration = .zero) -> Plan {
        status.attempts += 1
        connect.addsDeviceToken = false
        return Plan(delay: retries.slow(atLeast: least), state: failure.isPairing ? .pairing : .refused)
    }

    /// By how much the clocks differ is known from the challenge.
    private func explainingClock(_ failure: ConnectFailure) -> ConnectFailure {
        guard failure.code == "DEVICE_AUTH_SIGNATURE_EXPIRED", let clockLead, abs(clockLead) >= 1_000 else {
            return failure
        }
        var failure = failure
        let seconds = abs(clockLead) / 1_000
        let amount = seconds < 120 ? "\(seconds) s" : "\(seconds / 60) min"
        failure.reason +=
            ": the clock of this machine is \(amount) \(clockLead > 0 ? "ahead of" : "behind") the gateway's"
        return failure
    }
}
