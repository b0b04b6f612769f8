package import JSON
package import MiddlewareKit

/// Options that a gateway cannot have, in words for the person who gave them: all that is wrong, at once.
package struct GatewayOptionsProblem: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String
}

extension GatewaySettings {
    /// What says which gateway it is and how it lets this server in. The rest are its options.
    private static let ownKeys = ["id", "name", "url", "token", "password"]

    /// A gateway that is no entry of the file, with `options` in the words of the file. They are taken as they stand: nothing
    /// in them is replaced by environment variables or files.
    ///
    /// - Parameter url: One that was checked before.
    package init(
        id: String, name: String, url: String, token: Secret? = nil, password: Secret? = nil, options: JSONObject
    ) throws(GatewayOptionsProblem) {
        for key in options.keys where Self.ownKeys.contains(key) {
            throw GatewayOptionsProblem(description: "`\(key)` does not belong in `options`; give it beside them")
        }
        let place = SourcePosition(file: "options", line: 1, column: 1)
        // What every gateway must have, so that only the options can be wrong.
        let required: JSONObject = ["id": "gateway", "url": "wss://localhost"]
        var findings = Findings()
        let node = ConfigNode(.object(required.merged(with: options)), position: place, label: "`options`")
        self = Self.salvage(node, findings: &findings) ?? GatewaySettings()
        self.id = Located(id)
        givenName = name
        self.url = url
        self.token = token
        self.password = password
        checkTLS(findings: &findings)
        guard findings.hasErrors else { return }
        let words = findings.all.map { finding in finding.message + (finding.hint.map { " (\($0))" } ?? "") }
        throw GatewayOptionsProblem(description: words.joined(separator: "; "))
    }

    /// Without TLS nothing would be checked, which nobody who writes `tls` expects.
    func checkTLS(findings: inout Findings) {
        guard tls.isSet, url.lowercased().hasPrefix("ws://") else { return }
        findings.error(
            at: id.position, "the gateway has `tls`, but its `url` begins with ws://", hint: "write wss://")
    }
}

extension ConfigNode {
    /// JSON as if it stood in a configuration file, all of it at one place.
    fileprivate init(_ value: JSONValue, position: SourcePosition, label: String = "the value") {
        let content: Content =
            switch value {
            case .null: .null
            case .bool(let value): .scalar("\(value)", isPlain: true)
            case .integer(let value): .scalar("\(value)", isPlain: true)
            case .number(let value): .scalar("\(value)", isPlain: true)
            case .string(let text): .scalar(text, isPlain: false)
            case .array(let elements): .sequence(elements.map { ConfigNode($0, position: position) })
            case .object(let members):
                .mapping(members.map { ($0, position, ConfigNode($1, position: position)) })
            }
        self.init(position: position, content: content, label: label)
    }
}
