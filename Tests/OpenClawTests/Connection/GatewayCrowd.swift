import JSON
import MiddlewareKit
import Synchronization

@testable import OpenClaw

/// Many state machines on one injected clock, with gateways that are scripted. Nothing here takes real time.
struct GatewayCrowd {
    /// How a gateway behaves.
    enum Kind: Equatable {
        case steady
        /// Ends each connection after some seconds.
        case flapping
        /// Takes almost all of the time that a handshake may take.
        case slow
    }

    private enum Event {
        case timer(GatewayStateMachine.Timer, generation: Int)
        case opened
        case failed
        case frame(JSONValue)
        case tick
        case lost
    }

    private struct Scheduled {
        let time: Duration
        let machine: Int
        /// Of the machine's socket; nil: whatever socket there is.
        let attempt: Int?
        let event: Event
    }

    private(set) var machines: [GatewayStateMachine] = []
    let kinds: [Kind]
    private(set) var now = Duration.zero
    /// When a connect was tried, in order.
    private(set) var connects: [Duration] = []
    /// When each machine first got ready.
    private(set) var readyAt: [Duration?]
    private(set) var openSockets = 0
    private(set) var mostOpenSockets = 0
    /// Nothing can be reached while it is false.
    var isNetworkUp = true {
        didSet {
            guard !isNetworkUp else { return }
            for index in machines.indices where hasSocket[index] { schedule(index, .zero, attempts[index], .lost) }
        }
    }

    private var queue: [Scheduled] = []
    private var attempts: [Int]
    private var hasSocket: [Bool]
    private var generations: [[GatewayStateMachine.Timer: Int]]
    private var lastGeneration = 0
    private var random: SeededRandom

    init(_ kinds: [Kind], seed: UInt64) throws {
        self.kinds = kinds
        random = SeededRandom(state: seed)
        readyAt = Array(repeating: nil, count: kinds.count)
        attempts = Array(repeating: 0, count: kinds.count)
        hasSocket = Array(repeating: false, count: kinds.count)
        generations = Array(repeating: [:], count: kinds.count)
        let identity = try TestIdentity.make()
        for index in kinds.indices {
            let configuration = GatewayConfiguration(id: "g\(index)", name: "", url: "ws://10.0.0.\(index):18789")
            let spread = Spread(seed: seed &+ UInt64(index))
            machines.append(
                GatewayStateMachine(
                    options: .init(configuration: configuration, identity: identity, version: "1"), now: moment,
                    random: { spread.next() }))
        }
        for index in kinds.indices { perform(machines[index].start(now: moment), of: index) }
    }

    private var moment: Moment {
        Moment(wall: Timestamp(milliseconds: 1_737_264_000_000 + Int64(now / .milliseconds(1))), uptime: now)
    }

    /// Lets time pass.
    mutating func run(until end: Duration) {
        while let index = queue.indices.min(by: { queue[$0].time < queue[$1].time }), queue[index].time <= end {
            let next = queue.remove(at: index)
            now = max(now, next.time)
            deliver(next)
        }
        now = end
    }

    private mutating func deliver(_ next: Scheduled) {
        let index = next.machine
        if let attempt = next.attempt, attempt != attempts[index] { return }
        switch next.event {
        case .timer(let timer, let generation):
            guard generations[index][timer] == generation else { return }
            perform(machines[index].fired(timer, now: moment), of: index)
        case .opened:
            guard isNetworkUp else { return fail(index) }
            perform(machines[index].socketOpened(now: moment), of: index)
            let challenge: JSONValue = ["type": "event", "event": "connect.challenge", "payload": ["nonce": "n"]]
            schedule(index, kinds[index] == .slow ? .seconds(14) : .milliseconds(2), attempts[index], .frame(challenge))
        case .failed: fail(index)
        case .frame(let frame):
            perform(machines[index].received(frame, now: moment), of: index)
        case .tick:
            perform(machines[index].received(["type": "event", "event": "tick"], now: moment), of: index)
            schedule(index, .seconds(30), attempts[index], .tick)
        case .lost:
            closeSocket(index)
            perform(machines[index].socketClosed(code: nil, reason: "", now: moment), of: index)
        }
    }

    private mutating func fail(_ index: Int) {
        closeSocket(index)
        perform(machines[index].socketFailed(ConnectFailure(.unreachable), now: moment), of: index)
    }

    private mutating func perform(_ actions: [GatewayStateMachine.Action], of index: Int) {
        for action in actions {
            switch action {
            case .openSocket:
                attempts[index] += 1
                connects.append(now)
                hasSocket[index] = true
                openSockets += 1
                mostOpenSockets = max(mostOpenSockets, openSockets)
                schedule(index, .milliseconds(1), attempts[index], isNetworkUp ? .opened : .failed)
            case .closeSocket:
                closeSocket(index)
                attempts[index] += 1
            case .send(let request) where request.method == "connect": answer(request, of: index)
            case .setTimer(let timer, let delay): set(timer, delay, of: index)
            case .scheduleReconnect(let delay): set(.reconnect, delay, of: index)
            case .cancelTimer(let timer): generations[index][timer] = nil
            case .publish(let status) where status.state == .ready: readyAt[index] = readyAt[index] ?? now
            default: break
            }
        }
    }

    private mutating func answer(_ request: GatewayRequest, of index: Int) {
        let hello: JSONValue = ["protocol": 4, "auth": ["scopes": ["operator.read", "operator.write"]]]
        let attempt = attempts[index]
        let answer: JSONValue = ["type": "res", "id": .string(request.id), "ok": true, "payload": hello]
        schedule(index, .milliseconds(2), attempt, .frame(answer))
        schedule(index, .seconds(30), attempt, .tick)
        if kinds[index] == .flapping {
            schedule(index, .milliseconds(Int64.random(in: 500...40_000, using: &random)), attempt, .lost)
        }
    }

    private mutating func set(_ timer: GatewayStateMachine.Timer, _ delay: Duration, of index: Int) {
        lastGeneration += 1
        let generation = lastGeneration
        generations[index][timer] = generation
        schedule(index, delay, nil, .timer(timer, generation: generation))
    }

    private mutating func closeSocket(_ index: Int) {
        guard hasSocket[index] else { return }
        hasSocket[index] = false
        openSockets -= 1
        // What was planned for it is of no interest any more.
        queue.removeAll { $0.machine == index && $0.attempt != nil }
    }

    private mutating func schedule(_ index: Int, _ delay: Duration, _ attempt: Int?, _ event: Event) {
        queue.append(Scheduled(time: now + delay, machine: index, attempt: attempt, event: event))
    }

    /// The most connects that were tried within any stretch of time of this length.
    func mostConnects(within length: Duration, from start: Duration = .zero, to end: Duration) -> Int {
        let times = connects.filter { $0 >= start && $0 < end }
        return times.map { first in times.count { $0 >= first && $0 < first + length } }.max() ?? 0
    }
}

/// The same numbers for the same seed (SplitMix64).
struct SeededRandom: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = state
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }
}

/// A source of spread for one machine.
final class Spread: Sendable {
    private let random: Mutex<SeededRandom>

    init(seed: UInt64) { random = Mutex(SeededRandom(state: seed &* 7_919)) }

    func next() -> Double { random.withLock { Double.random(in: 0..<1, using: &$0) } }
}
