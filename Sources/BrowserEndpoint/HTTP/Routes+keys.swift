import Hummingbird
import JSON
import Logging
import MiddlewareKit
import Storage

/// Access keys, for administrators who have one themselves.
extension Routes {
    func addKeys(to group: RouterGroup<CallContext>) {
        let hub = hub
        group.get { request, call in
            _ = try await hub.requireKeeper(request, call)
            return Response(json: .array(try await hub.storage.listKeys().map(\.json)))
        }
        group.post { request, call in
            var request = request
            let keeper = try await hub.requireKeeper(request, call)
            let body = try await request.jsonObject()
            try body.requireOnly("user", "administrator")
            guard let user = try body.string("user", atMost: 100), Principal.isUserName(user) else {
                throw Rejection.badRequest("`user` \(Principal.userNameRule)")
            }
            let isAdministrator = body["administrator"]?.bool ?? false
            guard body["administrator"].map({ $0.isNull || $0.bool != nil }) ?? true else {
                throw Rejection.badRequest("`administrator` must be true or false.")
            }
            let made = try await hub.storage.createKey(user: user, isAdministrator: isAdministrator)
            hub.logger.info(
                "a key was made",
                metadata: [
                    "key": "\(made.key.id)", "for": "\(user)", "administrator": "\(isAdministrator)",
                    "user": "\(keeper)",
                ])
            guard case .object(var object) = made.key.json else { return Response(.created, json: made.key.json) }
            object["key"] = .string(made.text)
            return Response(.created, json: .object(object))
        }
        group.delete("{id}") { request, call in
            let keeper = try await hub.requireKeeper(request, call)
            let id = try call.parameter("id")
            guard try await hub.storage.revokeKey(id: id) else {
                throw Rejection.notFound("There is no key with this id.")
            }
            hub.logger.info("a key was revoked", metadata: ["key": "\(id)", "user": "\(keeper)"])
            return Response(json: ["ok": true])
        }
    }
}

extension BrowserHub {
    /// Where nobody is asked for a key, nobody can be trusted to make one that counts later.
    ///
    /// - Returns: The user's name.
    fileprivate nonisolated func requireKeeper(_ request: Request, _ call: CallContext) async throws -> String {
        let context = await context(of: request, call)
        return try await self.call(.manage, gateway: "", context: context) { principal in
            try principal.requireAdministrator()
            guard principal != .anonymous else {
                throw Rejection(
                    code: "disabled",
                    message: "Nobody is asked for a key here. Keys are made on the server's machine: "
                        + "sluice key create --user NAME")
            }
            return principal.user
        }
    }
}

extension StoredKey {
    /// Never anything of the secret.
    fileprivate var json: JSONValue {
        [
            "id": .string(id), "user": .string(user), "administrator": .bool(isAdministrator),
            "created_at": .string(createdAt.iso8601),
            "revoked_at": revokedAt.map { .string($0.iso8601) } ?? .null,
        ]
    }
}
