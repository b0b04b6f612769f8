import JSON
import MiddlewareKit
package import OpenClaw
import PipelineEngine

/// What gateways tell: events of runs, and how the connections are doing.
extension BrowserHub: GatewayObserver {
    package nonisolated func gateway(_ id: String, didChange status: GatewayStatus) {
        assumeIsolated { $0.gatewayDidChange(id, status) }
    }

    package nonisolated func gateway(_ id: String, didUpdate metadata: GatewayMetadata) {
        assumeIsolated { $0.gatewayDidUpdate(id, metadata) }
    }

    package nonisolated func gateway(_ id: String, run: GatewayRun, didReceive event: ChatEvent) {
        assumeIsolated { $0.receive(event, of: run) }
    }

    package nonisolated func gateway(_ id: String, didReceive notice: GatewayNotice) {
        assumeIsolated { $0.receive(notice, of: id) }
    }

    package nonisolated func gatewayDidReadBurst(_ id: String) {
        assumeIsolated { $0.flush() }
    }

    private func receive(_ event: ChatEvent, of gatewayRun: GatewayRun) {
        let isBackAgain = (gatewayRun.owner as? LiveRun)?.wasGivenUp ?? false
        let run = live(gatewayRun)
        run.lastHeard = time.uptime
        run.isAccepted = true
        run.isSought = false
        switch event {
        case .delta where isBackAgain:
            receive(.replace(gatewayRun.text), of: run)
        case .delta(.append(let text)):
            receive(.append(text), of: run)
        case .delta(.replace(let text)):
            receive(.replace(text), of: run)
        case .final(nil) where run.rawText.isEmpty && !run.isForeign:
            lookForAnswer(of: run)
        case .final, .aborted, .failed:
            end(run, by: event)
        case .status(let phase):
            tell(run, phase: phase)
        }
    }

    /// - Parameter event: A terminal one.
    func end(_ run: LiveRun, by event: ChatEvent) {
        switch event {
        case .final(let message):
            end(run, .final, RunOutcome(message, at: time.now))
        case .aborted(let message, let stopReason):
            var outcome = RunOutcome(message, at: time.now)
            outcome.stopReason = stopReason
            end(run, .aborted, outcome)
        case .failed(let failure):
            var outcome = RunOutcome(failure.partial, at: time.now)
            outcome.detail = failure.message
            outcome.errorKind = failure.kind
            // What was streamed may be more than what the history has.
            let known = outcome.text?.utf8.count ?? 0
            if failure.kind == RunFailure.truncated, known < run.rawText.utf8.count { outcome.text = nil }
            end(run, .error, outcome)
        case .delta, .status:
            break
        }
    }

    private func gatewayDidChange(_ id: String, _ status: GatewayStatus) {
        switch metrics.gateway(id, didChange: status) {
        case .connected(let isAgain): for stage in chains.observers { stage.gatewayDidConnect(id, isAgain: isAgain) }
        case .disconnected: for stage in chains.observers { stage.gatewayDidDisconnect(id) }
        case .none: break
        }
        for connection in connections.values where connection.phase == .open && connection.dialect == .native {
            send(.gateway(id: id, status.told(to: connection.principal, of: id)), to: connection)
        }
        switch status.state {
        case .ready, .limited: gatewayIsBack(id)
        case .backingOff, .refused, .pairing, .stopped: gatewayIsAway(id)
        case .connecting, .handshaking: break
        }
        flush()
    }

    private func gatewayDidUpdate(_ id: String, _ metadata: GatewayMetadata) {
        for connection in connections.values
        where connection.phase == .open && connection.dialect == .chat && connection.gateway == id {
            send(.connected(metadata, isNew: false), to: connection)
        }
        flush()
        remember(SessionKeys(metadata), of: id)
    }
}

extension RunOutcome {
    fileprivate init(_ message: ChatMessage?, at now: Timestamp) {
        self.init(
            text: message?.text, blocks: message?.blocks ?? [], usage: message?.usage, model: message?.model,
            stopReason: message?.stopReason, timestamp: message?.timestamp ?? now)
    }
}
