/// A method that the fake gateway knows: its parameters and the scope that it needs (OpenClaw protocol: methods, scopes).
enum GatewayMethod: String, CaseIterable, Sendable {
    case connect
    case chatSend = "chat.send"
    case chatAbort = "chat.abort"
    case chatHistory = "chat.history"
    case agentsList = "agents.list"
    case modelsList = "models.list"
    case sessionsList = "sessions.list"
    case sessionsSubscribe = "sessions.subscribe"
    case sessionsPatch = "sessions.patch"
    case sessionsReset = "sessions.reset"
    case sessionsDelete = "sessions.delete"
    case approvalList = "exec.approval.list"
    case approvalResolve = "exec.approval.resolve"
    case health
    case status

    var scope: String {
        switch self {
        case .chatSend, .chatAbort: "operator.write"
        case .sessionsPatch, .sessionsReset, .sessionsDelete: "operator.admin"
        case .approvalList, .approvalResolve: "operator.approvals"
        default: "operator.read"
        }
    }

    func parameters(_ version: FakeGateway.ProtocolVersion) -> Shape {
        let isV4 = version == .v4
        switch self {
        case .connect: return Self.connectParameters(version)
        case .chatSend:
            return .object(
                [
                    Shape.required("sessionKey", .string(characters: 1...512)),
                    Shape.required("message", .text),
                    Shape.required("idempotencyKey", .nonEmptyText),
                    Shape.optional("thinking", .text),
                    Shape.optional("deliver", .boolean),
                    Shape.optional("attachments", .array(.anything)),
                    Shape.optional("timeoutMs", .natural),
                ]
                    + (isV4
                        ? [
                            Shape.optional("agentId", .nonEmptyText),
                            Shape.optional("sessionId", .nonEmptyText),
                            Shape.optional("suppressCommandInterpretation", .boolean),
                        ] : [])
            )
        case .chatAbort:
            return .object(
                [Shape.required("sessionKey", .nonEmptyText), Shape.optional("runId", .nonEmptyText)]
                    + (isV4 ? [Shape.optional("agentId", .nonEmptyText)] : [])
            )
        case .chatHistory:
            return .object(
                [Shape.required("sessionKey", .nonEmptyText), Shape.optional("limit", .integer(1...1000))]
                    + (isV4
                        ? [
                            Shape.optional("maxChars", .integer(1...500_000)),
                            Shape.optional("agentId", .nonEmptyText),
                        ] : [])
            )
        case .modelsList:
            return .object(isV4 ? [Shape.optional("view", .oneOf(["default", "configured", "all"]))] : [])
        case .sessionsList: return Self.sessionsListParameters(version)
        case .health: return .object([Shape.optional("probe", .boolean)])
        case .sessionsPatch:
            let choices = ["label", "model", "thinkingLevel", "verboseLevel"].map { Shape.optional($0, .anything) }
            return .object([Shape.required("key", .nonEmptyText)] + choices)
        case .sessionsReset: return .object([Shape.required("key", .nonEmptyText)])
        case .sessionsDelete:
            return .object([Shape.required("key", .nonEmptyText), Shape.optional("deleteTranscript", .boolean)])
        case .approvalResolve:
            return .object([
                Shape.required("id", .nonEmptyText),
                Shape.required("decision", .oneOf(["allow-once", "allow-always", "deny"])),
            ])
        case .agentsList, .sessionsSubscribe, .approvalList, .status: return .object([])
        }
    }

    private static func sessionsListParameters(_ version: FakeGateway.ProtocolVersion) -> Shape {
        let switches = ["includeGlobal", "includeUnknown", "includeDerivedTitles", "includeLastMessage"]
        var members = switches.map { Shape.optional($0, .boolean) }
        members += ["label", "spawnedBy", "agentId"].map { Shape.optional($0, .nonEmptyText) }
        members += [
            Shape.optional("limit", .integer(1...Int.max)),
            Shape.optional("activeMinutes", .integer(1...Int.max)),
            Shape.optional("search", .text),
        ]
        if version == .v4 {
            members += [
                Shape.optional("offset", .natural),
                Shape.optional("archived", .boolean),
                Shape.optional("configuredAgentsOnly", .boolean),
            ]
        }
        return .object(members)
    }

    private static func connectParameters(_ version: FakeGateway.ProtocolVersion) -> Shape {
        let secrets = ["token", "password"].map { Shape.optional($0, .string(characters: 0...4096)) }
        let issued = (["deviceToken"] + (version == .v4 ? ["bootstrapToken"] : []))
            .map { Shape.optional($0, .string(characters: 0...256)) }
        return .object([
            Shape.required("minProtocol", .integer(1...Int.max)),
            Shape.required("maxProtocol", .integer(1...Int.max)),
            Shape.required(
                "client",
                .object([
                    Shape.required("id", .oneOf(clientIDs)),
                    Shape.optional("displayName", .nonEmptyText),
                    Shape.required("version", .nonEmptyText),
                    Shape.required("platform", .nonEmptyText),
                    Shape.optional("deviceFamily", .nonEmptyText),
                    Shape.optional("modelIdentifier", .nonEmptyText),
                    Shape.required("mode", .oneOf(clientModes)),
                    Shape.optional("instanceId", .nonEmptyText),
                ])
            ),
            Shape.optional("caps", .array(.nonEmptyText)),
            Shape.optional("commands", .array(.nonEmptyText)),
            Shape.optional("permissions", .anything),
            Shape.optional("pathEnv", .text),
            Shape.optional("role", .nonEmptyText),
            Shape.optional("scopes", .array(.nonEmptyText)),
            Shape.optional(
                "device",
                .object([
                    Shape.required("id", .nonEmptyText),
                    Shape.required("publicKey", .nonEmptyText),
                    Shape.required("signature", .nonEmptyText),
                    Shape.required("signedAt", .natural),
                    Shape.required("nonce", .nonEmptyText),
                ])
            ),
            Shape.optional("auth", .object(secrets + issued)),
            Shape.optional("locale", .text),
            Shape.optional("userAgent", .text),
        ])
    }

    private static let clientIDs = [
        "webchat-ui", "openclaw-control-ui", "webchat", "cli", "gateway-client", "openclaw-macos", "openclaw-ios",
        "openclaw-android", "node-host", "test", "fingerprint", "openclaw-probe", "openclaw-tui",
    ]

    private static let clientModes = ["webchat", "cli", "ui", "backend", "node", "probe", "test"]
}
