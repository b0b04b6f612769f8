import Logging
import MiddlewareKit
import PipelineEngine
import WebSocketTransport

/// Who was let in does not stay so for ever: keys are revoked, administrators become users, and a new configuration may ask
/// for keys where the old one did not.
extension BrowserHub {
    /// Asks the auth stages again about every open connection. Whom they would not let in now is closed with 4401; who may
    /// see less than before no longer gets the events of what is now hidden.
    ///
    /// Without a key nothing changes until the configuration does, so such connections are asked about once for each.
    package func reviewConnections() async {
        guard let guards = chains.standard.guards(time) else { return }
        for connection in Array(connections.values) {
            guard connection.phase == .open,
                connection.credential != nil || connection.generation != chains.generation
            else { continue }
            await review(connection, guards)
        }
        flush()
    }

    private func review(_ connection: BrowserConnection, _ guards: Chain) async {
        let context = makeContext(connection.info, credential: connection.credential, principal: nil)
        do {
            let principal = try await guards.introduce(context)
            connection.generation = guards.generation
            guard principal != connection.principal else { return }
            connection.principal = principal
            dismiss(connection)
        } catch {
            let rejection = Rejection(answering: error, logger: context.logger)
            // Keys that cannot be looked up just now are no reason to send people away.
            guard ["unauthorized", "forbidden"].contains(rejection.code), connection.phase == .open else { return }
            send(.error(id: nil, rejection, sessionKey: nil, runID: nil), to: connection)
            connection.socket.close(code: CloseCode.unauthorized, reason: "access denied")
        }
    }

    /// Whether callers without a key are let in. Asked once for each configuration, so that health checks of strangers do
    /// not show in the figures of the stages.
    func isOpenToAll() async -> Bool {
        let generation = chains.generation
        if let openness, openness.generation == generation { return openness.isOpen }
        guard let guards = chains.standard.guards(time) else { return true }
        let context = makeContext(nil, credential: nil, principal: nil)
        let isOpen = (try? await guards.introduce(context)) != nil
        openness = (generation, isOpen)
        return isOpen
    }
}

extension Chain {
    /// Asks who is there.
    ///
    /// - Parameter mayAskAgain: Who shows no key yet is asked for it, so it is no news that a key is wanted.
    /// - Throws: what the stages throw at those whom they do not let in.
    func introduce(_ context: MessageContext, mayAskAgain: Bool = false) async throws -> Principal {
        let caller = CallResult<Principal>()
        let untold = mayAskAgain ? "unauthorized" : nil
        let passage = try await send(InboundMessage(kind: .connect), context: context, untold: untold) { _, context in
            caller.value = context.principal ?? .anonymous
        }
        return try caller.take(after: passage)
    }

    /// Its auth stages alone: asking again must not count as a visit in any other stage. Nil when it has none.
    fileprivate func guards(_ time: any TimeSource) -> Chain? {
        let guards = stages.filter { $0.kind == "auth" }
        return guards.isEmpty ? nil : Chain(stages: guards, generation: generation, time: time)
    }
}
