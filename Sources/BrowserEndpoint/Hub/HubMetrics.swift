import CoreMetrics
import MiddlewareKit
import OpenClaw
import Storage
import Telemetry
import WebSocketTransport

/// The metrics of the hub. Lives on the hub's event loop: what happens for every frame is a plain addition there, and is told
/// to the metrics backend with the next sample.
struct HubMetrics {
    /// Frames from and to browsers, since the start.
    var framesReceived = 0
    var framesSent = 0

    private var toldReceived = 0
    private var toldSent = 0
    private var gateways: [String: GatewayMeters] = [:]
    /// Whether each gateway that was ever connected is so now.
    private var isConnected: [String: Bool] = [:]

    private let received = Counter(.browserFramesReceived)
    private let sent = Counter(.browserFramesSent)
    private let connections = Meter(.browserConnections)
    private let queuedBytes = Meter(.browserQueuedBytes)
    private let inFlight = Meter(.requestsInFlight)
    private let runs = Meter(.runsActive)
    private let waitingMessages = Meter(.storageWaiting)
    private let outcomes: [EventKind: Counter]
    private let firstText = Timer(.runFirstText)
    private let duration = Timer(.runDuration)

    init() {
        let kinds = EventKind.allCases.filter(\.isTerminal)
        outcomes = Dictionary(uniqueKeysWithValues: kinds.map { ($0, Counter(.runsEnded, $0.rawValue)) })
    }

    func ended(_ kind: EventKind, _ timing: RunTiming) {
        outcomes[kind]?.increment()
        if let time = timing.firstText { firstText.record(time) }
        if let time = timing.whole { duration.record(time) }
    }

    enum GatewayChange { case none, connected(isAgain: Bool), disconnected }

    mutating func gateway(_ id: String, didChange status: GatewayStatus) -> GatewayChange {
        gateways[id, default: GatewayMeters(id)].set(status)
        switch (status.state == .ready, isConnected[id]) {
        case (true, nil), (true, false?):
            let isAgain = isConnected.updateValue(true, forKey: id) != nil
            if isAgain { gateways[id]?.reconnects.increment() }
            return .connected(isAgain: isAgain)
        case (false, true?):
            isConnected[id] = false
            return .disconnected
        default:
            return .none
        }
    }

    /// What is gone leaves no series behind: alerts would take it for one that is away.
    mutating func gatewayWasRemoved(_ id: String) {
        gateways.removeValue(forKey: id)?.destroy()
        isConnected[id] = nil
    }

    mutating func tell(_ sample: HubSample) {
        received.increment(by: framesReceived - toldReceived)
        sent.increment(by: framesSent - toldSent)
        (toldReceived, toldSent) = (framesReceived, framesSent)
        // One that was removed meanwhile has no meters.
        for (gateway, count) in sample.gatewayFrames { gateways[gateway]?.tell(frames: count) }
        for (gateway, count) in sample.waitingChats { gateways[gateway]?.waiting.set(count) }
        connections.set(sample.connections)
        queuedBytes.set(sample.queuedBytes)
        inFlight.set(sample.requestsInFlight)
        runs.set(sample.runs)
        waitingMessages.set(sample.waitingMessages)
    }
}

/// How one gateway is doing.
private struct GatewayMeters {
    private let id: String
    private let states: [(state: GatewayStatus.State, meter: Meter)]
    private let since: Meter
    private let attempts: Meter
    /// Nil: it was never connected, and no time is not 0.
    private var handshake: Meter?
    private let frames: Counter
    private var toldFrames = 0
    let waiting: Meter
    let reconnects: Counter
    private var info: (protocolVersion: Int, version: String, meter: Meter)?

    init(_ id: String) {
        self.id = id
        // All of them from the beginning: an alert sees a gateway that was never ready.
        states = GatewayStatus.State.allCases.map { ($0, Meter(.gatewayState, id, $0.rawValue)) }
        since = Meter(.gatewayStateSince, id)
        attempts = Meter(.gatewayAttempts, id)
        frames = Counter(.gatewayFrames, id)
        waiting = Meter(.gatewayWaiting, id)
        reconnects = Counter(.gatewayReconnects, id)
        // A series that begins at its first reconnection is no increase.
        reconnects.increment(by: 0)
    }

    func destroy() {
        for (_, meter) in states { meter.destroy() }
        for meter in [since, attempts, waiting] { meter.destroy() }
        for counter in [frames, reconnects] { counter.destroy() }
        handshake?.destroy()
        info?.meter.destroy()
    }

    /// - Parameter count: Of the connection, since it was made.
    mutating func tell(frames count: Int) {
        // A gateway with a new configuration has a new connection, which counts from 0.
        frames.increment(by: toldFrames <= count ? count - toldFrames : count)
        toldFrames = count
    }

    mutating func set(_ status: GatewayStatus) {
        for (state, meter) in states { meter.set(state == status.state ? 1 : 0) }
        since.set(Double(status.since.milliseconds) / 1000)
        attempts.set(status.attempts)
        if let latency = status.latency {
            let meter = handshake ?? Meter(.gatewayHandshake, id)
            meter.set(Double(latency.wholeMilliseconds) / 1000)
            handshake = meter
        }
        guard let protocolVersion = status.protocolVersion else { return }
        let version = String((status.serverVersion ?? "unknown").prefix(64))
        guard info?.protocolVersion != protocolVersion || info?.version != version else { return }
        // A gateway that is updated leaves no series behind.
        info?.meter.destroy()
        let meter = Meter(.gatewayInfo, id, "\(protocolVersion)", version)
        meter.set(1)
        info = (protocolVersion, version, meter)
    }
}

/// What there is at one moment.
struct HubSample {
    let connections: Int
    let queuedBytes: Int
    let requestsInFlight: Int
    let runs: Int
    let waitingMessages: Int
    let gatewayFrames: [(gateway: String, count: Int)]
    let waitingChats: [(gateway: String, count: Int)]
}

extension BrowserHub {
    /// Tells the metrics backend what is not told where it happens.
    package func sampleMetrics() {
        let open = connections.values
        metrics.tell(
            HubSample(
                connections: open.count,
                queuedBytes: open.reduce(0) { $0 + $1.socket.queuedBytes },
                requestsInFlight: open.reduce(0) { $0 + $1.inFlight },
                runs: runs.count,
                waitingMessages: storage.waitingMessages,
                gatewayFrames: gateways.assumeIsolated { $0.framesReceived },
                waitingChats: gateways.assumeIsolated { $0.waitingChats }))
    }
}
