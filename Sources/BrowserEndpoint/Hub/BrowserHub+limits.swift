import JSON
import MiddlewareKit
import OpenClaw

/// What a gateway would not take is refused before it is stored.
extension BrowserHub {
    /// - Throws: ``Rejection`` that says what is wrong with the message and what to do instead.
    func check(
        _ text: String, _ attachments: [Attachment], for gateway: String, from principal: Principal
    ) throws {
        guard let configuration = gateways.assumeIsolated({ $0.configuration(of: gateway) }) else { return }
        if configuration.blocksCommands, !principal.isAdministrator, text.drop(while: \.isWhitespace).first == "/" {
            throw Rejection(
                code: "command_blocked",
                message: "Commands are not allowed here: a message may not begin with “/”. Put another word before it.")
        }
        let limits = gateways.assumeIsolated { $0.attachmentLimits(of: gateway) }
        for attachment in attachments {
            if let problem = limits.problem(of: attachment) {
                throw Rejection(code: "attachment_refused", message: problem)
            }
        }
        let bytes = text.utf8.count + attachments.reduce(0) { $0 + $1.content.utf8.count }
        guard bytes < limits.maxFrameBytes else {
            throw Rejection(
                code: "too_large",
                message: "The message has \(bytes) bytes with its attachments; the gateway takes less than "
                    + "\(limits.maxFrameBytes). Send it in pieces.")
        }
    }
}
