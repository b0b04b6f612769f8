import Logging
import MiddlewareKit
import MiddlewareTesting
import NIOCore
import NIOPosix
import OpenClawTesting
import Synchronization
import Testing

@testable import OpenClaw

/// A connection to a fake gateway over a real socket. Attempts are made by hand, so no test waits for a delay.
struct LiveConnection {
    let gateway: FakeGateway
    let connection: GatewayConnection
    let tokens: MemoryTokens
    let time: ManualTime
    private let statuses: AsyncStream<GatewayStatus>
    let notices: AsyncStream<GatewayNotice>

    /// Starts a gateway, connects and runs `body` while the first attempt is under way.
    static func run(
        _ options: FakeGateway.Options = FakeGateway.Options(),
        token: String? = nil,
        scopes: [String] = GatewayConfiguration.defaultScopes,
        _ body: (LiveConnection) async throws -> Void
    ) async throws {
        var options = options
        let time = ManualTime()
        options.now = { time.now.milliseconds }
        let gateway = FakeGateway(options: options)
        try await gateway.start()
        let (statuses, continuation) = AsyncStream.makeStream(of: GatewayStatus.self)
        let (notices, noticed) = AsyncStream.makeStream(of: GatewayNotice.self)
        let observer = StatusObserver(continuation, noticed)
        let tokens = MemoryTokens()
        var configuration = GatewayConfiguration(
            id: "home", name: "Home", url: await gateway.url, token: token.map(Secret.init), scopes: scopes)
        // The connection does not come back by itself on a slow machine.
        configuration.retryDelay = .seconds(3600)
        let connection = GatewayConnection(
            configuration: configuration,
            identity: DeviceIdentity(), version: "1.0.0", eventLoop: NIOSingletons.posixEventLoopGroup.next(),
            time: time, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            observer: observer, deviceTokens: tokens)
        await connection.start()
        let live = LiveConnection(
            gateway: gateway, connection: connection, tokens: tokens, time: time, statuses: statuses, notices: notices)
        let result: Result<Void, any Error>
        do { result = .success(try await body(live)) } catch { result = .failure(error) }
        let closed = await connection.stop()
        try? await closed?.get()
        await gateway.stop()
        withExtendedLifetime(observer) {}
        try result.get()
    }

    /// Waits until the connection is in this state.
    @discardableResult
    func reaches(_ state: GatewayStatus.State) async throws -> GatewayStatus {
        for await status in statuses where status.state == state { return status }
        throw CancellationError()
    }

    /// Waits until the lists that every connection asks for have come.
    func isIdle() async throws {
        try await reaches(.ready)
        while await connection.hasPendingRequests { await Task.yield() }
    }
}

/// Keeps device tokens in memory.
final class MemoryTokens: DeviceTokenStore {
    private let token = Mutex<DeviceToken?>(nil)

    var current: DeviceToken? { token.withLock { $0 } }

    func deviceToken(of gateway: GatewayConfiguration) -> DeviceToken? { current }

    func keep(_ new: DeviceToken, of gateway: GatewayConfiguration) { token.withLock { $0 = new } }

    func discard(_ old: DeviceToken, of gateway: GatewayConfiguration) {
        token.withLock { if $0 == old { $0 = nil } }
    }

    func forget(_ gateway: GatewayConfiguration) { token.withLock { $0 = nil } }
}

private final class StatusObserver: GatewayObserver {
    private let continuation: AsyncStream<GatewayStatus>.Continuation
    private let notices: AsyncStream<GatewayNotice>.Continuation

    init(
        _ continuation: AsyncStream<GatewayStatus>.Continuation, _ notices: AsyncStream<GatewayNotice>.Continuation
    ) {
        self.continuation = continuation
        self.notices = notices
    }

    func gateway(_ id: String, didChange status: GatewayStatus) { continuation.yield(status) }
    func gateway(_ id: String, didUpdate metadata: GatewayMetadata) {}
    func gateway(_ id: String, run: GatewayRun, didReceive event: ChatEvent) {}
    func gateway(_ id: String, didReceive notice: GatewayNotice) { notices.yield(notice) }
    func gatewayDidReadBurst(_ id: String) {}
}

extension GatewayConnection {
    var hasPendingRequests: Bool { !machine.pending.isEmpty }

    var heldMessages: Int { chatQueue.count }

    /// Whether nothing is heard of the run any more.
    func isOver(_ runID: String) -> Bool { runs.run(id: runID)?.isFinished ?? false }

    /// The deadlines of all requests that wait for an answer.
    func missDeadlines() { for id in machine.pending.keys.sorted() { fired(.deadline(request: id)) } }
}
