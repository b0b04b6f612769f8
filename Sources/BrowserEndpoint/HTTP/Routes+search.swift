import Foundation
import Hummingbird
import HummingbirdCore
import JSON
import MiddlewareKit
import Storage

/// Looking for words in what was said.
extension Routes {
    func addSearch(to group: RouterGroup<CallContext>) {
        let hub = hub
        group.get { request, call in
            let context = await hub.context(of: request, call)
            let query = request.uri.queryParameters
            let text = request.uri.formText("q") ?? ""
            guard (1...200).contains(text.count), !text.utf8.contains(0), text.contains(where: { !$0.isWhitespace })
            else { throw Rejection.badRequest("Say in `q` what to look for, in 1 to 200 characters.") }
            var gateway: String?
            if let name = query["gateway"] { gateway = try await hub.knownGateway(String(name)) }
            let (limit, before) = (try request.pageLimit(), try request.queryInteger("before"))
            let page = try await hub.call(.history, gateway: gateway ?? "", context: context) { [gateway] principal in
                try await hub.storage.search(
                    text, gateway: gateway, visibleTo: principal, limit: limit, before: before)
            }
            return Response(json: [
                "results": .array(page.messages.map { $0.json(around: text) }),
                "before": page.before.map { .integer($0) } ?? .null,
            ])
        }
    }
}

extension FoundMessage {
    fileprivate func json(around query: String) -> JSONValue {
        [
            "id": .integer(id), "gateway_id": .string(gateway), "session_key": .string(sessionKey),
            "title": title.map { .string($0) } ?? .null, "role": .string(role),
            "excerpt": .string(text.excerpt(around: query)), "created_at": .string(createdAt.iso8601),
        ]
    }
}

extension String {
    /// The place where a text stands, with some of what is around it.
    func excerpt(around query: String, reach: Int = 80) -> String {
        let found = range(of: query, options: .caseInsensitive) ?? startIndex..<startIndex
        let start = index(found.lowerBound, offsetBy: -reach, limitedBy: startIndex) ?? startIndex
        let end = index(found.upperBound, offsetBy: reach, limitedBy: endIndex) ?? endIndex
        return (start == startIndex ? "" : "…") + self[start..<end] + (end == endIndex ? "" : "…")
    }
}

extension URI {
    /// A parameter of the query as forms send it, where `+` is a space; nil when there is none that can be read.
    fileprivate func formText(_ name: String) -> String? {
        let fields = (query ?? "").split(separator: "&").map { $0.split(separator: "=", maxSplits: 1) }
        guard let field = fields.first(where: { $0.count == 2 && $0[0] == name }) else { return nil }
        return field[1].replacing("+", with: " ").removingPercentEncoding
    }
}
