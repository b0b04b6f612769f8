import HTTPTypes
import Hummingbird
import JSON
import MiddlewareKit
import NIOCore
import Storage

/// A whole session as a file. It is read and sent in pieces, so that a long one needs no more memory than a short one.
extension Routes {
    func addExport(to group: RouterGroup<CallContext>) {
        let hub = hub
        group.get("{key}/export") { request, call in
            let context = await hub.context(of: request, call)
            let id = try await hub.sessionID(of: call)
            guard let format = ExportFormat(rawValue: String(request.uri.queryParameters["format"] ?? "json")) else {
                throw Rejection.badRequest("`format` must be json or markdown.")
            }
            let session = try await hub.call(.history, in: id, context: context) { principal in
                try await hub.checkAccess(to: id, by: principal)
                return try await hub.storage.session(gateway: id.gateway, key: id.key)
            }
            guard let session else { throw Rejection.noSession }
            let storage = hub.storage
            return Response(
                status: .ok,
                headers: [
                    .contentType: format.mediaType, .cacheControl: "no-store",
                    .contentDisposition: "attachment; filename=\"session-\(session.id).\(format.fileExtension)\"",
                ],
                body: ResponseBody { writer in
                    try await writer.write(format.head(of: session))
                    var place: Database.MessagePlace?
                    while true {
                        let page = try await storage.messages(
                            gateway: id.gateway, sessionKey: id.key, limit: 200, after: place)
                        guard let last = page.last else { break }
                        try await writer.write(try format.piece(page.json, isFirst: place == nil))
                        place = last
                    }
                    try await writer.write(format.end)
                    try await writer.finish(nil)
                })
        }
    }
}

private enum ExportFormat: String {
    case json, markdown

    var mediaType: String {
        self == .json ? "application/json; charset=utf-8" : "text/markdown; charset=utf-8"
    }
    var fileExtension: String { self == .json ? "json" : "md" }
    var end: ByteBuffer { ByteBuffer(string: self == .json ? "]}" : "") }

    func head(of session: StoredSession) -> ByteBuffer {
        var buffer = ByteBuffer()
        switch self {
        case .json:
            buffer.writeStaticString("{\"session\":")
            buffer.writeJSON(session.json)
            buffer.writeStaticString(",\"messages\":[")
        case .markdown:
            let title = (session.title ?? session.key).split(whereSeparator: \.isNewline).joined(separator: " ")
            buffer.writeString("# \(title)\n")
        }
        return buffer
    }

    /// - Parameter page: The array of messages.
    func piece(_ page: ByteBuffer, isFirst: Bool) throws -> ByteBuffer {
        switch self {
        case .json:
            var buffer = ByteBuffer(string: isFirst ? "" : ",")
            let inner = page.getSlice(at: page.readerIndex + 1, length: page.readableBytes - 2)
            if let inner { buffer.writeImmutableBuffer(inner) }
            return buffer
        case .markdown:
            let messages = try JSONValue(parsing: page).array ?? []
            return ByteBuffer(string: messages.map(Self.markdown).joined())
        }
    }

    /// Text as it is, an attachment by its name; nil for what is not to be read.
    private static func markdown(block: JSONValue) -> String? {
        if let text = block["text"]?.string { return text }
        guard block["omitted"] == true, let type = block["mimeType"]?.string else { return nil }
        return
            "*attachment: \(block["fileName"]?.string ?? "without a name") (\(type), \(block["bytes"]?.int ?? 0) bytes)*"
    }

    private static func markdown(_ message: JSONValue) -> String {
        let name = message["role"] == "user" ? "You" : "Assistant"
        var parts = message["content"]?.array?.compactMap(Self.markdown(block:)) ?? []
        if message["state"] == "aborted" { parts.append("*stopped*") }
        if let problem = message["error"]?.string { parts.append("*\(problem)*") }
        return "\n## \(name), \(message["created_at"]?.string ?? "")\n\n\(parts.joined(separator: "\n\n"))\n"
    }
}
