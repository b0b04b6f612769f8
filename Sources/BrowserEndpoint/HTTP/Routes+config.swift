import Hummingbird
package import JSON
import MiddlewareKit

/// The configuration of the running server. Implemented by whoever reads it.
package protocol ConfigurationControl: Sendable {
    /// Which configuration is in use, and what came of the last reload.
    func status() async -> JSONValue
    /// Reads the configuration again. A dry run changes nothing and tells what would change.
    func reload(isDryRun: Bool) async -> (isGood: Bool, answer: JSONValue)
}

/// For administrators only.
extension Routes {
    func addConfiguration(_ control: any ConfigurationControl, to group: RouterGroup<CallContext>) {
        let hub = hub
        group.get { request, call in
            try await hub.requireAdministrator(request, call)
            return Response(json: await control.status())
        }
        group.post("reload") { request, call in
            try await hub.requireAdministrator(request, call)
            // A word that is not known might be one that was to keep the configuration as it is.
            if let other = request.uri.queryParameters.first(where: { $0.key != "dry-run" }) {
                throw Rejection.badRequest("There is no parameter `\(other.key)` here, only `dry-run`.")
            }
            let isDryRun: Bool
            switch request.uri.queryParameters["dry-run"] {
            case nil, "false": isDryRun = false
            case "true": isDryRun = true
            default: throw Rejection.badRequest("`dry-run` must be true or false.")
            }
            let (isGood, answer) = await control.reload(isDryRun: isDryRun)
            return Response(isGood ? .ok : .unprocessableContent, json: answer)
        }
    }
}

extension BrowserHub {
    /// - Throws: ``Rejection`` when the caller is no administrator.
    nonisolated func requireAdministrator(_ request: Request, _ call: CallContext) async throws {
        let context = await context(of: request, call)
        try await self.call(.manage, gateway: "", context: context) { try $0.requireAdministrator() }
    }
}
