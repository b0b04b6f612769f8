import WebSocketTransport

/// What goes wrong without a word of the gateway.
extension ConnectError {
    static let networkErrors = [
        invalidURL, refused, hostNotFound, unreachable, timedOut, tls, wrongName, untrusted, notFromCAFile, caFile,
        notPinned, httpStatus, notAWebSocket,
        endedEarly, noChallenge, noNonce, noHello, closed, lost, secretChanged, restart, silent, cannotSign,
    ]

    private static let checkURL = "Check that the gateway runs, and that `url` has its host and port."

    static let invalidURL = ConnectError(
        own: "INVALID_URL", retry: .slow(atLeast: .zero), reason: "the URL of the gateway cannot be used",
        remedy: "Correct `url`: it looks like ws://host:18789, or wss://host behind TLS.")
    static let refused = ConnectError(
        own: "CONNECTION_REFUSED", reason: "nothing listens at the gateway's address",
        remedy: "Start the gateway (openclaw gateway start), or correct the port in `url`; 18789 is the usual one. "
            + "A gateway that listens on loopback only cannot be reached from other machines: see gateway.bind.")
    static let hostNotFound = ConnectError(
        own: "HOST_NOT_FOUND", reason: "the gateway's host name is not known", remedy: "Correct the host in `url`.")
    static let unreachable = ConnectError(
        own: "UNREACHABLE", reason: "the gateway's host cannot be reached",
        remedy: "Check the network and firewalls between this machine and the gateway.")
    static let timedOut = ConnectError(
        own: "TIMED_OUT", reason: "the gateway's host does not answer",
        remedy: "Check the host and port in `url`, and firewalls on the way.")
    static let tls = ConnectError(
        own: "TLS_FAILED", reason: "TLS to the gateway failed",
        remedy:
            "If the gateway speaks no TLS, use ws:// in `url`. If it does, look at its log, or at that of the proxy "
            + "before it.")
    static let wrongName = ConnectError(
        own: "CERTIFICATE_FOR_ANOTHER_NAME", reason: "the gateway's certificate is for another name",
        remedy: "Write a name that is in the certificate: as the host in `url`, or beside it with "
            + "`tls: { server-name: ... }`.")
    static let untrusted = ConnectError(
        own: "CERTIFICATE_NOT_TRUSTED", reason: "the gateway's certificate is not trusted",
        remedy: "If it is the gateway's own, name it with `tls: { ca-file: ... }` or `tls: { pin: ... }`. "
            + "Otherwise see whether it has expired.")
    static let notFromCAFile = ConnectError(
        own: "CERTIFICATE_NOT_FROM_CA_FILE",
        reason: "the gateway's certificate is not trusted: nobody in the `ca-file` signed it, or it has expired",
        remedy:
            "Let `tls: { ca-file: ... }` name a file with the certificate of the authority that signed it; one that the "
            + "gateway made for itself is its own authority.")
    static let caFile = ConnectError(
        own: "CA_FILE_UNUSABLE", reason: "the `ca-file` of this gateway cannot be used",
        remedy: "Correct `tls: { ca-file: ... }`, or the file: it holds certificates in PEM form.")
    static let notPinned = ConnectError(
        own: "CERTIFICATE_NOT_PINNED", retry: .slow(atLeast: .zero),
        reason: "the gateway shows another certificate than the one that is pinned",
        remedy: "If the certificate was renewed on purpose, correct `tls: { pin: ... }`. Otherwise somebody may be "
            + "listening in.")
    static let httpStatus = ConnectError(
        own: "NOT_A_GATEWAY", reason: "something answers at this address, but it is no gateway",
        remedy: "Correct host, port and path in `url`. If a proxy stands before the gateway, let it pass WebSockets on."
    )
    static let notAWebSocket = ConnectError(
        own: "NO_WEBSOCKET", reason: "something answers at this address that is no WebSocket server",
        remedy: "Correct the port in `url`; if it speaks TLS, use wss://.")
    static let endedEarly = ConnectError(
        own: "CLOSED_AT_ONCE", reason: "the connection was closed as soon as it was made",
        remedy: "Correct the port in `url`. Use wss:// if it speaks TLS, and ws:// if it does not.")
    static let noChallenge = ConnectError(
        own: "NO_CHALLENGE", reason: "the gateway sent no challenge in time",
        remedy: "Check that `url` leads to an OpenClaw gateway. If it does, look at its log: it may be overloaded.")
    static let noNonce = ConnectError(
        own: "NO_NONCE", reason: "the gateway's challenge has no nonce",
        remedy: "Check that `url` leads to an OpenClaw gateway.")
    static let noHello = ConnectError(
        own: "NO_HELLO", reason: "the gateway did not answer the handshake in time",
        remedy: "Look at the gateway's log: it may be overloaded.")
    static let closed = ConnectError(
        own: "CLOSED_IN_HANDSHAKE", reason: "the gateway closed the connection during the handshake",
        remedy: "Look at the gateway's log: openclaw logs --follow")
    static let lost = ConnectError(own: "CONNECTION_LOST", reason: "the connection was lost", remedy: checkURL)
    static let secretChanged = ConnectError(
        own: "SECRET_CHANGED", reason: "the gateway's token or password was changed",
        remedy: "Set `token` or `password` of this gateway to the new one.")
    static let restart = ConnectError(
        own: "GATEWAY_STOPPED", reason: "the gateway restarts, or was stopped",
        remedy: "Wait while it restarts. If it was stopped, start it: openclaw gateway start")
    /// Not that the connection failed, but that it will, once the gateway takes the device token no more.
    static let onlyDeviceToken = ConnectError(
        own: "ONLY_DEVICE_TOKEN",
        reason: "the gateway refused `token`, and let this server in by the device token that it had issued",
        remedy: "Set `token` of this gateway to the gateway's own: gateway.auth.token in its configuration.")
    static let silent = ConnectError(
        own: "SILENT", reason: "nothing came from the gateway any more (tick timeout)",
        remedy: "Check the network between this machine and the gateway; its machine may have gone to sleep.")
    static let cannotSign = ConnectError(
        own: "CANNOT_SIGN", retry: .slow(atLeast: .zero), reason: "the challenge cannot be signed",
        remedy: "Look at device.json beside the database.")
}

extension ConnectFailure {
    /// The socket could not be opened.
    ///
    /// - Parameter hasCAFile: Not the system's certificates are trusted, but those of a file.
    init(_ error: WebSocketConnectError, hasCAFile: Bool = false) {
        let row: ConnectError =
            switch error {
            case .invalidURL, .invalidHeader: .invalidURL
            case .hostNotFound: .hostNotFound
            case .refused: .refused
            case .unreachable: .unreachable
            case .timedOut: .timedOut
            case .tls: .tls
            case .wrongName: .wrongName
            case .untrusted: hasCAFile ? .notFromCAFile : .untrusted
            case .caFile: .caFile
            case .notPinned: .notPinned
            case .httpStatus: .httpStatus
            case .invalidAnswer: .notAWebSocket
            case .closedDuringHandshake: .endedEarly
            }
        let detail =
            switch error {
            // The row says so already.
            case .tls(let problem), .unreachable(let problem): problem
            case .wrongName, .untrusted: ""
            default: "\(error)"
            }
        self.init(row, detail: detail)
    }

    /// The socket was closed before the hello, and no error frame said why.
    static func closed(code: UInt16?, reason: String) -> ConnectFailure {
        switch code {
        case 1013: ConnectFailure(.starting)
        case 1012: ConnectFailure(.restart)
        case 4001: ConnectFailure(.secretChanged)
        // Very old gateways say it only here.
        case 1002, 1008:
            reason.isEmpty
                ? ConnectFailure(.closed)
                : classify(GatewayFault(code: "CLOSED", message: reason, isRetryable: true))
        case let code: ConnectFailure(.closed, detail: describe(code, reason))
        }
    }

    /// The socket was closed after the hello.
    ///
    /// - Parameter shutdown: What the gateway's `shutdown` event said before.
    static func lost(code: UInt16?, reason: String, shutdown: String?) -> ConnectFailure {
        switch code {
        case 1013: return ConnectFailure(.starting)
        case 4001: return ConnectFailure(.secretChanged)
        case 1008 where reason.contains("slow consumer"):
            return classify(GatewayFault(code: "CLOSED", message: reason))
        default:
            guard code == 1012 || shutdown != nil else {
                return ConnectFailure(.lost, detail: describe(code, reason))
            }
            var failure = ConnectFailure(.restart)
            if let shutdown { failure.reason = shutdown }
            return failure
        }
    }

    private static func describe(_ code: UInt16?, _ reason: String) -> String {
        [code.map { "close code \($0)" }, reason.isEmpty ? nil : reason].compactMap { $0 }.joined(separator: ", ")
    }
}
