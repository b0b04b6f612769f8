public import Logging

/// Makes stages of one kind from the `with` block of config.yaml.
///
/// The steps are: decode the options (no side effects, so `sluice check` can stop here), `validate`, `provision`, use,
/// and `cleanup` of the middleware when its chain is out of use.
public protocol MiddlewarePlugin: Sendable {
    associatedtype Options: OptionGroup
    /// The word after `use:` in config.yaml, in kebab-case.
    static var kind: String { get }
    /// One line for the stage table and `sluice explain`.
    static var summary: String { get }
    /// What becomes of a message when the stage fails and `on-error` is not set.
    static var defaultOnError: FailurePolicy { get }
    /// Whether `on-error: open` is allowed. A stage that guards something says no.
    static var mayFailOpen: Bool { get }
    /// The time a call may take when `timeout` is not set; nil: the stage bounds itself.
    static var defaultTimeout: Duration? { get }
    /// Whether calls need so little time between their awaits that they may run on the thread that serves all sockets. Say
    /// so only if no call computes for more than some microseconds or blocks its thread.
    static var isQuick: Bool { get }
    /// What `handles` of the middleware will be, so that `sluice explain` knows it without making the stage; nil: everything,
    /// as far as is known.
    static func handles(_ options: Options) -> StagePaths?
    /// Whether the stage finds out who is there, so that nothing may go by it: then it takes neither `when` nor `mode: shadow`,
    /// and every chain needs it where the pipeline has it.
    static func isGate(_ options: Options) -> Bool
    /// Checks that need more than one option. Runs in `sluice check` too: no side effects.
    static func validate(_ options: Options, in environment: StageEnvironment) -> [OptionProblem]
    /// What is legal but likely not meant, seen from the stage's place in its chain. Becomes warnings; no side effects.
    static func advise(_ options: Options, at place: ChainPlace) -> [OptionProblem]
    /// The files that the stage is made from beside its options. A reload makes it anew when one of them has changed, though
    /// the configuration says what it said.
    static func files(_ options: Options) -> [String]
    /// Makes the middleware. May open what it needs; an error stops the start or the reload.
    static func provision(_ options: Options, in context: ProvisionContext) async throws -> any Middleware
}

extension MiddlewarePlugin {
    public static var defaultOnError: FailurePolicy { .closed }
    public static var mayFailOpen: Bool { true }
    public static var defaultTimeout: Duration? { .seconds(30) }
    public static var isQuick: Bool { false }
    public static func handles(_ options: Options) -> StagePaths? { nil }
    public static func isGate(_ options: Options) -> Bool { false }
    public static func validate(_ options: Options, in environment: StageEnvironment) -> [OptionProblem] { [] }
    public static func advise(_ options: Options, at place: ChainPlace) -> [OptionProblem] { [] }
    public static func files(_ options: Options) -> [String] { [] }
}

/// What a stage may know of its place in the chain.
public struct ChainPlace: Sendable, Hashable {
    /// The kinds of the stages above it that have an effect, in the order of the chain: those that are enabled and no shadows.
    public let above: [String]
    public let below: [String]
    /// It has `mode: shadow` itself.
    public let isShadow: Bool
    /// Those above that are known to change the text of replies.
    public let rewritersAbove: [String]
    /// The messages that it takes part in.
    public let when: Condition
    /// The ids of the gateways that the configuration names; more of them may be added while the server runs.
    public let gateways: [String]

    public init(
        above: [String] = [], below: [String] = [], isShadow: Bool = false, rewritersAbove: [String] = [],
        when: Condition = .always, gateways: [String] = []
    ) {
        self.above = above
        self.below = below
        self.isShadow = isShadow
        self.rewritersAbove = rewritersAbove
        self.when = when
        self.gateways = gateways
    }

    /// What is wrong with the id of a gateway, to be told as advice: no gateway of the configuration has it.
    ///
    /// Nil also when the configuration names no gateways.
    public func problem(ofGateway id: String, key: String) -> OptionProblem? {
        guard !gateways.isEmpty, !gateways.contains(id) else { return nil }
        let hint = nearestWord(to: id, in: gateways).map { "did you mean `\($0)`?" }
        return OptionProblem(
            key: key, message: "no gateway here has the id \(quote(id))",
            hint: hint ?? "it counts once one with this id is added; here are \(gateways.joined(separator: ", "))")
    }
}

/// What becomes of a message when a stage throws something that is no ``Rejection``, or takes too long.
public enum FailurePolicy: String, Sendable, CaseIterable {
    /// The message goes no further; its sender gets an error.
    case closed
    /// The message goes on as if the stage were not there, provided the stage had not passed it on yet.
    case open
}

/// What a stage may know of the server before it is made.
public struct StageEnvironment: Sendable {
    /// Nil: nobody but who is on this machine.
    package var exposure: Exposure?

    /// Others than those on this machine can reach the server: by its address, or through a proxy.
    public var isReachableByOthers: Bool { exposure != nil }

    public init(isReachableByOthers: Bool) {
        if isReachableByOthers { exposure = .address }
    }
}

/// How others than those on the machine of the server reach it.
package enum Exposure: Sendable, Hashable {
    /// By the address that the configuration names.
    case address
    /// By the address of the start, while the configuration names one that they do not reach.
    case addressUntilRestart(String)
    /// Through the proxies that the configuration names.
    case proxies
    /// Through the proxies of the start, which the configuration does not name any more.
    case proxiesUntilRestart

    /// The beginning of a sentence.
    package var words: String {
        switch self {
        case .address: "other machines can reach the server"
        case .addressUntilRestart(let host):
            "other machines can reach \(host), where the server listens until it is restarted"
        case .proxies: "others reach the server through the proxies of `server.trusted-proxies`"
        case .proxiesUntilRestart:
            "others reach the server through the proxies that it trusts until it is restarted"
        }
    }

    /// What would keep them away.
    package var remedy: String {
        switch self {
        case .address: "set `server.host: 127.0.0.1`"
        case .proxies: "leave out `server.trusted-proxies`"
        case .addressUntilRestart, .proxiesUntilRestart: "restart it with these settings"
        }
    }
}

/// Something wrong with an option, found after decoding.
public struct OptionProblem: Sendable, Hashable {
    /// The key of the option inside `with`, or the way to a part of its value, such as `endpoints[2].url`, counted from 1; nil
    /// for the block as a whole.
    public let key: String?
    public let message: String
    /// What to do about it.
    public let hint: String?

    public init(key: String? = nil, message: String, hint: String? = nil) {
        self.key = key
        self.message = message
        self.hint = hint
    }
}

/// What a stage gets to work with when it is made.
public struct ProvisionContext: Sendable {
    /// The instance's name; use it to key figures and stored state.
    public let stageName: String
    public let environment: StageEnvironment
    public let messages: any MessageStore
    public let keys: any KeyStore
    public let state: any StageStateStore
    public let time: any TimeSource
    public let logger: Logger
    /// Calls servers outside; there is none where nothing may be called, as in most tests.
    public var http: any HTTPCaller = NoHTTPCaller()
    private var services: [ObjectIdentifier: any Sendable] = [:]

    public init(
        stageName: String,
        environment: StageEnvironment,
        messages: any MessageStore,
        keys: any KeyStore,
        state: any StageStateStore,
        time: any TimeSource,
        logger: Logger
    ) {
        self.stageName = stageName
        self.environment = environment
        self.messages = messages
        self.keys = keys
        self.state = state
        self.time = time
        self.logger = logger
    }

    /// A service that only some stages know of.
    package subscript<Key: ContextKey>(key: Key.Type) -> Key.Value? {
        get { services[ObjectIdentifier(key)] as? Key.Value }
        set { services[ObjectIdentifier(key)] = newValue }
    }
}

/// Fails every call.
private struct NoHTTPCaller: HTTPCaller {
    func send(_ call: HTTPCall) async throws -> HTTPAnswer {
        throw HTTPFailure(.unreachable, "no calls can be made here")
    }
}

/// A clock that a test can hold in its hand.
public protocol TimeSource: Sendable {
    /// Wall time.
    var now: Timestamp { get }
    /// Time since a fixed, unspecified moment; never goes back.
    var uptime: Duration { get }
    /// Throws `CancellationError` when the task is cancelled.
    func sleep(for duration: Duration) async throws
}
