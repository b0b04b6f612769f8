import MiddlewareKit
import NIOCore
import Synchronization

/// Connections that calls left open, for the next call to the same place. Each goes to an address that was checked by the same
/// rules. Bounded in number, in the time that one lies idle, and in age, so that the name is looked up anew from time to time.
final class KeptConnections: Sendable {
    /// Where a connection goes, and by whose rules.
    struct Place: Hashable, Sendable {
        let isSecure: Bool
        let host: String
        let port: Int
        let rules: AddressRules

        init(_ call: HTTPCall) {
            (isSecure, host, port) = (call.url.isSecure, call.url.host, call.url.port)
            rules = call.rules
        }
    }

    struct Connection: Sendable {
        let channel: any Channel
        let collector: NIOLoopBound<AnswerCollector>
        let madeAt: NIODeadline
    }

    private struct Idle {
        let connection: Connection
        let until: NIODeadline
    }

    private struct State {
        var places: [Place: [Idle]] = [:]
        /// Somebody will look for those that lay idle too long.
        var isWatched = false
    }

    private static let longestAge: TimeAmount = .minutes(1)
    private static let capacity = 256

    private let idleTime: TimeAmount
    private let state = Mutex(State())

    init(idleTime: Duration) { self.idleTime = TimeAmount(idleTime) }

    /// The one that was used last.
    func take(_ place: Place) -> Connection? {
        state.withLock { state in
            let idle = state.places[place]?.popLast()
            if state.places[place]?.isEmpty == true { state.places[place] = nil }
            return idle?.connection
        }
    }

    /// Keeps a connection that is ready for another call, or closes it. Call it on the connection's event loop.
    func put(_ connection: Connection, _ place: Place) {
        let now = NIODeadline.now()
        guard connection.channel.isActive, now - connection.madeAt < Self.longestAge else {
            return connection.channel.close(promise: nil)
        }
        let (isKept, mustWatch) = state.withLock { state in
            guard state.places.values.reduce(0, { $0 + $1.count }) < Self.capacity else { return (false, false) }
            state.places[place, default: []].append(Idle(connection: connection, until: now + idleTime))
            defer { state.isWatched = true }
            return (true, !state.isWatched)
        }
        if !isKept { connection.channel.close(promise: nil) }
        if mustWatch { watch(on: connection.channel.eventLoop) }
    }

    private func watch(on eventLoop: any EventLoop) {
        eventLoop.scheduleTask(in: idleTime) {
            let now = NIODeadline.now()
            let (old, isEmpty) = self.state.withLock { state in
                let old = state.places.values.joined().filter { $0.until <= now }
                state.places = state.places.mapValues { $0.filter { $0.until > now } }.filter { !$0.value.isEmpty }
                state.isWatched = !state.places.isEmpty
                return (old, state.places.isEmpty)
            }
            for idle in old { idle.connection.channel.close(promise: nil) }
            if !isEmpty { self.watch(on: eventLoop) }
        }
    }

    /// It was closed by whichever side.
    func forget(_ channel: any Channel, _ place: Place) {
        state.withLock { state in
            state.places[place]?.removeAll { $0.connection.channel === channel }
            if state.places[place]?.isEmpty == true { state.places[place] = nil }
        }
    }
}
