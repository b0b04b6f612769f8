import JSON
import MiddlewareKit
import NIOCore
import OpenClaw

extension BrowserRequest {
    /// A frame of `/ws`.
    ///
    /// - Throws: ``BadFrame``.
    static func native(_ bytes: ByteBuffer) throws -> BrowserRequest {
        let reader = try FrameReader(bytes)
        let type = try reader.type
        var request = BrowserRequest(action: .ignore, id: reader.id, gateway: try reader.string("gateway", atMost: 64))
        switch type {
        case "chat":
            request.sessionKey = try reader.sessionKey()
            let attachments = try reader.attachments()
            request.action = .chat(text: try reader.message(attachments: attachments), attachments: attachments)
            request.runID = try reader.idempotencyKey() ?? RandomID.make()
        case "abort":
            request.sessionKey = try reader.sessionKey()
            request.action = .abort(runID: try reader.string("runId", atMost: FrameLimits.idCharacters))
        case "subscribe", "unsubscribe":
            request.sessionKey = try reader.sessionKey()
            request.action = type == "subscribe" ? .subscribe : .unsubscribe
        case "history":
            request.sessionKey = try reader.sessionKey()
            request.action = .history(
                limit: try reader.limit(), before: try reader.integer("before").map(Int64.init),
                refresh: try reader.flag("refresh"))
        case "agents": request.action = .agents
        case "models": request.action = .models(view: try reader.view())
        case "sessions": request.action = .sessions(try reader.sessionQuery())
        case "gateways": request.action = .gateways
        case "approve": request.action = .approve(id: try reader.approvalID(), try reader.decision())
        case "ping": request.action = .ping
        case "auth":
            request.action = .authenticate(Credential(try reader.required("token", atMost: 4096)))
        default:
            throw reader.problem(
                "Unknown frame type. Known are chat, abort, subscribe, unsubscribe, history, agents, models, sessions, "
                    + "gateways, approve, ping and auth.")
        }
        return request
    }
}

extension FrameReader {
    fileprivate func view() throws -> String? {
        guard let view = try string("view") else { return nil }
        guard ListParameters.views.contains(view) else {
            throw problem("`view` must be one of \(ListParameters.views.joined(separator: ", ")).")
        }
        return view
    }

    fileprivate func sessionQuery() throws -> SessionQuery {
        do {
            let before = try integer("before").map(Int64.init)
            return try SessionQuery(source: try string("source"), limit: try limit(default: 200), before: before) {
                name, kind in
                guard frame[name] != nil else { return nil }
                return switch kind {
                case .text: try string(name, atMost: FrameLimits.sessionKeyCharacters).map { .string($0) }
                case .count: try integer(name).map { .integer(Int64($0)) }
                case .flag: .bool(try flag(name))
                }
            }
        } catch let rejection as Rejection {
            throw problem(rejection.message)
        }
    }

    fileprivate func approvalID() throws -> String { try required("approvalId", atMost: FrameLimits.idCharacters) }

    fileprivate func decision() throws -> ExecApproval.Decision {
        guard let decision = ExecApproval.Decision(rawValue: try required("decision")) else {
            throw problem("`decision` must be allow-once, allow-always or deny.")
        }
        return decision
    }

    /// The key becomes the run's id on the gateway and in every frame, so it is kept short and printable.
    fileprivate func idempotencyKey() throws -> String? {
        guard let key = try string("idempotencyKey", atMost: 128), !key.isEmpty else { return nil }
        guard key.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw problem("`idempotencyKey` must be printable ASCII without spaces.")
        }
        return key
    }
}
