package import MiddlewareKit

extension GatewayManager: GatewayDirectory {
    package func readiness(of gateway: String) -> GatewayReadiness {
        do {
            return try checkRoom(gateway: gateway) ? .queueing : .connected
        } catch GatewayError.unknownGateway {
            return .unknown
        } catch {
            return .away
        }
    }

    /// What the gateway is said to refuse, and what is more than it takes.
    package func objection(
        to message: InboundMessage, for gateway: String, from principal: Principal
    ) -> Rejection? {
        guard let configuration = configuration(of: gateway) else { return nil }
        if configuration.blocksCommands, !principal.isAdministrator, ChatRequest.isCommand(message.text) {
            return Rejection(
                code: "command_blocked",
                message: "Commands are not allowed here: a message may not begin with “/”. Put another word before it.")
        }
        let limits = attachmentLimits(of: gateway)
        for attachment in message.attachments {
            if let problem = limits.problem(of: attachment) {
                return Rejection(code: "attachment_refused", message: problem)
            }
        }
        let bytes = message.text.utf8.count + message.attachments.reduce(0) { $0 + $1.content.utf8.count }
        guard bytes >= limits.maxFrameBytes else { return nil }
        return Rejection(
            code: "too_large",
            message: "The message has \(bytes) bytes with its attachments; the gateway takes less than "
                + "\(limits.maxFrameBytes). Send it in pieces.")
    }
}

extension ChatRequest {
    /// Whether a gateway takes the text for a command. It removes control characters and what is blank before it looks
    /// (OpenClaw protocol: chat.send); what cannot be seen in front of a slash is passed over here as well.
    static func isCommand(_ text: String) -> Bool {
        // Scalars, as a mark that combines with the slash hides it from comparisons of characters.
        text.unicodeScalars.first { !$0.isInvisible } == "/"
    }
}

extension Unicode.Scalar {
    fileprivate var isInvisible: Bool {
        if isASCII { return value <= 0x20 || value == 0x7F }
        return switch properties.generalCategory {
        case .control, .format, .spaceSeparator, .lineSeparator, .paragraphSeparator: true
        default: properties.isDefaultIgnorableCodePoint
        }
    }
}
