import JSON
import MiddlewareKit
import NIOCore

extension BrowserRequest {
    /// A frame of `/ws/chat/{gateway}`.
    ///
    /// - Throws: ``BadFrame``.
    static func chat(_ bytes: ByteBuffer) throws -> BrowserRequest {
        let reader = try FrameReader(bytes)
        var request = BrowserRequest(action: .ignore, id: reader.id)
        switch try reader.type {
        case "ping":
            request.action = .ping
        case "auth":
            request.action = .authenticate(Credential(try reader.required("token", atMost: 4096)))
        case "chat":
            request.sessionKey = try reader.sessionKey()
            let attachments = try reader.attachments()
            request.action = .chat(text: try reader.message(attachments: attachments), attachments: attachments)
            request.runID = RandomID.make()
            // Of the levels that gateways know, the highest that all models take.
            if try reader.flag("advancedReasoning") { request.thinking = "high" }
        case "abort":
            request.sessionKey = try reader.sessionKey()
            request.action = .abort(runID: nil)
        case "history":
            request.sessionKey = try reader.sessionKey()
            request.action = .history(limit: try reader.limit(), before: nil, refresh: false)
        case "set_reasoning":
            break
        default:
            throw reader.problem("Unknown frame type. Known are ping, chat, abort, history and set_reasoning.")
        }
        return request
    }
}
