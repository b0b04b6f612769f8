import Foundation
import MiddlewareKit

/// Decides for one endpoint what is sent when, and what follows from an answer. It sends nothing itself.
struct EndpointQueue: Sendable {
    var endpoint: Endpoint
    /// It said that it is gone (410).
    var isGone = false
    private(set) var inFlight: Set<Int64> = []
    private(set) var breaker = CircuitBreaker()

    init(_ endpoint: Endpoint) { self.endpoint = endpoint }

    /// How many due deliveries to look at; 0: none may be sent now.
    func wanted(at now: Duration) -> Int {
        guard endpoint.options.enabled, !isGone else { return 0 }
        let allowance = breaker.allowance(endpoint.options.concurrency, at: now)
        // Those in flight are still due by the books.
        return allowance > inFlight.count ? allowance + inFlight.count : 0
    }

    /// Those of the due deliveries that are to be sent now.
    mutating func start(_ due: [DueDelivery], at now: Duration) -> [DueDelivery] {
        let room = breaker.allowance(endpoint.options.concurrency, at: now) - inFlight.count
        let started = due.filter { !inFlight.contains($0.id) }.prefix(max(0, room))
        inFlight.formUnion(started.map(\.id))
        return Array(started)
    }

    /// What becomes of a delivery after an attempt. Call `finish` once it is written down.
    mutating func judge(
        _ outcome: CallOutcome, of delivery: DueDelivery, schedule: RetrySchedule, uptime: Duration, now: Timestamp,
        random: Double
    ) -> (verdict: DeliveryAttempt.Verdict, change: CircuitBreaker.Change?) {
        if outcome.isSuccess { return (.delivered, breaker.noteSuccess()) }
        if outcome.isGone {
            isGone = true
            return (.dead, nil)
        }
        let change = breaker.noteFailure(at: uptime)
        let wait = schedule.wait(
            after: delivery.attempts + 1, retryAfter: outcome.retryAfter(now: now), random: random)
        guard let wait else { return (.dead, change) }
        return (.retry(at: Timestamp(milliseconds: now.milliseconds + wait.wholeMilliseconds)), change)
    }

    mutating func finish(_ delivery: Int64) { inFlight.remove(delivery) }
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

    /// The beginning of the body, with what is no UTF-8 replaced.
    var body: String { String(decoding: answer?.body ?? [], as: UTF8.self) }

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
