import Foundation
import MiddlewareKit

/// Decides for one endpoint what is sent when, and what follows from an answer. It sends nothing itself.
///
/// What is due is read ahead, lane by lane, so that what is next goes out without asking the database. All of it is open by the
/// books until its attempt is written down.
struct EndpointQueue: Sendable {
    /// Lanes that are read ahead.
    private static let lookahead = 64

    var endpoint: Endpoint
    /// It said that it is gone (410).
    var isGone = false
    private(set) var breaker = CircuitBreaker()
    /// What may go as soon as there is room: due deliveries, each with those behind it in its lane.
    private var ready: [ArraySlice<DueDelivery>] = []
    /// Calls under way, each with what is behind it in its lane.
    private var calling: [Int64: ArraySlice<DueDelivery>] = [:]
    /// Calls that are over, and not written down yet.
    private var unwritten: Set<Int64> = []

    init(_ endpoint: Endpoint) { self.endpoint = endpoint }

    /// Somebody says that the endpoint is there again, or has put another one in its place: what was read ahead is read again.
    mutating func beginAnew() {
        breaker = CircuitBreaker()
        ready = []
        calling = calling.mapValues { _ in [] }
    }

    /// Nothing is under way, and all is written down.
    var isAtRest: Bool { calling.isEmpty && unwritten.isEmpty }

    /// How many calls may be under way.
    private func allowance(at now: Duration) -> Int {
        guard endpoint.options.enabled, !isGone else { return 0 }
        return breaker.allowance(endpoint.options.concurrency, at: now)
    }

    /// How many due deliveries to look at; 0: there is no need.
    func wanted(at now: Duration) -> Int {
        guard allowance(at: now) > calling.count, ready.count < endpoint.options.concurrency else { return 0 }
        // Those in memory are still due by the books.
        return Self.lookahead + ready.count + calling.count + unwritten.count
    }

    /// Takes what is due. What it has already stays as it is.
    mutating func take(_ lanes: [[DueDelivery]]) {
        let known = unwritten.union(calling.keys).union(ready.compactMap { $0.first?.id })
        ready += lanes.filter { lane in lane.first.map { !known.contains($0.id) } ?? false }.map { $0[...] }
    }

    /// What is to be sent now.
    mutating func start(at now: Duration) -> [DueDelivery] {
        let allowance = allowance(at: now)
        // It is read again when its time comes.
        if allowance == 0 { ready = [] }
        let lanes = ready.prefix(max(0, allowance - calling.count))
        ready.removeFirst(lanes.count)
        for lane in lanes {
            if let first = lane.first { calling[first.id] = lane.dropFirst() }
        }
        return lanes.compactMap(\.first)
    }

    /// Nothing more is sent.
    mutating func stop() { ready = [] }

    /// What becomes of a delivery after an attempt. Call `finish` once it is written down.
    mutating func judge(
        _ outcome: CallOutcome, from address: HTTPAddress, of delivery: DueDelivery, schedule: RetrySchedule,
        uptime: Duration, now: Timestamp, random: Double
    ) -> (verdict: DeliveryAttempt.Verdict, change: CircuitBreaker.Change?) {
        let behind = calling.removeValue(forKey: delivery.id) ?? []
        unwritten.insert(delivery.id)
        if outcome.isSuccess {
            if !behind.isEmpty { ready.insert(behind, at: 0) }
            return (.delivered, breaker.noteSuccess())
        }
        if outcome.isGone, address == endpoint.url {
            isGone = true
            return (.dead, nil)
        }
        let change = breaker.noteFailure(at: uptime)
        let wait = schedule.wait(
            after: delivery.attempts + 1, retryAfter: outcome.retryAfter(now: now), random: random)
        guard let wait else { return (.dead, change) }
        return (.retry(at: Timestamp(milliseconds: now.milliseconds + wait.wholeMilliseconds)), change)
    }

    mutating func finish(_ delivery: Int64) { unwritten.remove(delivery) }
}

/// What came of a call.
struct CallOutcome: Sendable {
    let result: Result<HTTPAnswer, any Error>

    /// Redirects are not followed, so they are failures.
    var isSuccess: Bool { status.map { (200..<300).contains($0) } ?? false }

    var isGone: Bool { status == 410 }

    var status: Int? { answer?.status }

    var error: String? {
        switch result {
        case .success(let answer): isSuccess ? nil : "the endpoint answered HTTP \(answer.status)"
        case .failure(let error as HTTPFailure): error.description
        case .failure(let error): "\(error)"
        }
    }

    /// The beginning of the body, with what is no UTF-8 replaced, and so are zero bytes, at which SQLite would end it.
    var body: String { String(decoding: answer?.body ?? [], as: UTF8.self).replacing("\0", with: "\u{FFFD}") }

    /// `Retry-After`, in seconds or as a date (RFC 9110 section 10.2.3). How much of it is kept is the schedule's affair.
    func retryAfter(now: Timestamp) -> Duration? {
        guard let text = answer?[header: "Retry-After"] else { return nil }
        if !text.isEmpty, text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) {
            return .seconds(Int64(text).map { min($0, Self.longest) } ?? Self.longest)
        }
        guard let date = Self.dateFormat.date(from: text) else { return nil }
        let seconds = Int64(date.timeIntervalSince1970) - now.milliseconds / 1000
        return .seconds(max(0, min(seconds, Self.longest)))
    }

    /// A year, in seconds: longer than any wait.
    private static let longest: Int64 = 365 * 86_400

    /// The form of dates that servers may write (RFC 9110 section 5.6.7).
    private static let dateFormat = {
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.timeZone = TimeZone(secondsFromGMT: 0)
        format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        return format
    }()

    private var answer: HTTPAnswer? { try? result.get() }
}
