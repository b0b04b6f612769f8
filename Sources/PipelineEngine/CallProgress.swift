/// How far one call of a stage is.
///
/// Positions: waiting -> passing (`next` is running) -> passed; barred from any of them once the call is over, so that a late
/// `next` does nothing.
struct CallProgress {
    private enum Position { case waiting, passing, passed, barred }

    private var position = Position.waiting
    private(set) var hasPassed = false
    /// What `next` threw came from further down.
    private(set) var downstreamError: (any Error)?
    /// When the stage last got control, and the time it had it before.
    private var since: Duration
    private var spent: Duration = .zero

    init(startedAt: Duration) { since = startedAt }

    /// The stage calls `next`.
    mutating func open(at now: Duration) throws {
        guard position == .waiting else { throw NextMisuse(isLate: position == .barred) }
        position = .passing
        hasPassed = true
        spent += now - since
    }

    /// `next` returns.
    mutating func close(at now: Duration) {
        if position == .passing { position = .passed }
        since = now
    }

    mutating func note(downstream error: any Error) { downstreamError = error }

    /// Ends the stage's say in the matter.
    mutating func bar() { position = .barred }

    /// The time that the stage itself had control.
    func ownTime(at now: Duration) -> Duration { position == .passing ? spent : spent + (now - since) }

    /// What is left of the stage's time; all of it while the stages below are at work.
    func remaining(of limit: Duration, at now: Duration) -> Duration {
        position == .passing ? limit : limit - ownTime(at: now)
    }
}

/// A stage called `next` a second time, or after its call was over.
struct NextMisuse: Error, CustomStringConvertible {
    let isLate: Bool
    var description: String {
        isLate ? "it called next after its time was over" : "it called next more than once"
    }
}
