/// Calls HTTP servers outside. Safe to call from anywhere.
public protocol HTTPCaller: Sendable {
    /// Makes one call. Redirects are not followed: they are answers like any other.
    ///
    /// - Throws: ``HTTPFailure`` when there was no answer; `CancellationError` when the task was cancelled.
    func send(_ call: HTTPCall) async throws -> HTTPAnswer
}

/// One request to a server outside.
public struct HTTPCall: Sendable {
    public var method: String
    public var url: HTTPAddress
    /// In addition to `Host`, `User-Agent`, `Content-Length` and `Connection`, which the client sets.
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]
    /// For everything together: the look-up of the name, the connection, the request and the answer.
    public var timeout: Duration
    /// The bytes of the answer's body that are wanted; the connection ends when there are more.
    public var maxAnswer: Int
    public var rules: AddressRules
    /// It does no harm when the server gets the call twice. Then it may go over a connection that an earlier call left open; when
    /// that breaks before there is an answer, nobody knows whether the call arrived, and it is made again.
    public var mayArriveTwice = false

    public init(
        method: String = "POST", url: HTTPAddress, headers: [(name: String, value: String)] = [], body: [UInt8] = [],
        timeout: Duration = .seconds(10), maxAnswer: Int = 4096, rules: AddressRules = AddressRules()
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeout = timeout
        self.maxAnswer = maxAnswer
        self.rules = rules
    }
}

/// What a server answered.
public struct HTTPAnswer: Sendable {
    public var status: Int
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]
    /// False when the body had more bytes than were wanted, or had not come to its end when the time was over or the
    /// connection broke.
    public var isComplete: Bool

    public init(
        status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = [], isComplete: Bool = true
    ) {
        self.status = status
        self.headers = headers
        self.body = body
        self.isComplete = isComplete
    }

    /// The value of the first header with this name, in any case.
    public subscript(header name: String) -> String? {
        let name = name.lowercased()
        return headers.first { $0.name.lowercased() == name }?.value
    }
}

/// Why there was no answer, in words for a log line. Never holds a path, a query or a header, which may be secret.
public struct HTTPFailure: TimeoutIndicating, Sendable, Hashable, CustomStringConvertible {
    public enum Reason: String, Sendable {
        /// The rules forbid the address or the port. Nothing was connected to.
        case forbidden
        case hostNotFound = "host-not-found"
        case refused
        case unreachable
        case timedOut = "timed-out"
        case tls
        /// The connection ended before the answer's head was there.
        case closed
        /// What came back is no HTTP answer.
        case badAnswer = "bad-answer"
        /// The request itself cannot be sent, for example because of a character in a header.
        case badRequest = "bad-request"
    }

    public let reason: Reason
    public let description: String

    public var isTimeout: Bool { reason == .timedOut }

    public init(_ reason: Reason, _ description: String) {
        self.reason = reason
        self.description = description
    }
}
