/// Chat messages on their way to their gateway. Those of a session go out in the order in which they came.
struct ChatQueue {
    /// What a message waits for.
    enum Reason {
        case connection
        /// The end of a pause.
        case pause
        /// Those before it in its session.
        case turn
    }

    /// The place of one message. It keeps it until the gateway has answered: a message whose request is lost comes before
    /// those that were written after it.
    final class Ticket {
        let runID: String
        let sessionKey: String
        let number: Int
        /// It was written, and is not answered yet. Others may follow, and it cannot be taken back.
        fileprivate var isUnderWay = false
        /// The gateway may have it.
        fileprivate(set) var isInDoubt: Bool
        fileprivate(set) var isWithdrawn = false
        /// It could not go out at once.
        fileprivate(set) var isHeld = false
        fileprivate var waiting: (reason: Reason, resume: () -> Void)?

        fileprivate init(runID: String, sessionKey: String, number: Int, isInDoubt: Bool) {
            self.runID = runID
            self.sessionKey = sessionKey
            self.number = number
            self.isInDoubt = isInDoubt
        }
    }

    private var sessions: [String: [Ticket]] = [:]
    private var lastNumber = 0
    /// Messages that could not go out at once, and are not at the gateway yet.
    private(set) var count = 0

    /// A message comes, and takes its place behind those of its session.
    mutating func enter(runID: String, sessionKey: String, isInDoubt: Bool) -> Ticket {
        lastNumber += 1
        let ticket = Ticket(runID: runID, sessionKey: sessionKey, number: lastNumber, isInDoubt: isInDoubt)
        sessions[sessionKey, default: []].append(ticket)
        return ticket
    }

    /// The message has arrived, or will not.
    mutating func leave(_ ticket: Ticket) {
        guard let index = sessions[ticket.sessionKey]?.firstIndex(where: { $0 === ticket }) else { return }
        sessions[ticket.sessionKey]?.remove(at: index)
        if ticket.isHeld { count -= 1 }
        if sessions[ticket.sessionKey]?.isEmpty ?? false { sessions[ticket.sessionKey] = nil }
        wakeFirst(of: ticket.sessionKey)
    }

    /// Whether nothing of its session must go out before it.
    func isFirst(_ ticket: Ticket) -> Bool { first(of: ticket.sessionKey) === ticket }

    /// The message is about to be written.
    func goesOut(_ ticket: Ticket) {
        ticket.isUnderWay = true
        wakeFirst(of: ticket.sessionKey)
    }

    /// It was not answered, or refused.
    func comesBack(_ ticket: Ticket, isInDoubt: Bool) {
        ticket.isUnderWay = false
        if isInDoubt { ticket.isInDoubt = true }
    }

    // MARK: Waiting

    mutating func wait(_ ticket: Ticket, for reason: Reason, resume: @escaping () -> Void) {
        if !ticket.isHeld { count += 1 }
        ticket.isHeld = true
        ticket.waiting = (reason, resume)
    }

    /// Lets all go on that wait, or all that wait for this, in the order in which they came.
    func release(_ reason: Reason? = nil) {
        let released = sessions.values.joined().filter { ticket in
            ticket.waiting.map { reason == nil || $0.reason == reason } ?? false
        }
        for ticket in released.sorted(by: { $0.number < $1.number }) { wake(ticket) }
    }

    /// Lets one go on.
    func wake(_ number: Int, of sessionKey: String) {
        if let ticket = sessions[sessionKey]?.first(where: { $0.number == number }) { wake(ticket) }
    }

    /// Takes back one message, or all of a session, as far as they are not under way.
    mutating func withdraw(sessionKey: String, runID: String?) -> [Ticket] {
        let withdrawn = (sessions[sessionKey] ?? []).filter { ticket in
            !ticket.isUnderWay && (runID == nil || ticket.runID == runID)
        }
        for ticket in withdrawn {
            ticket.isWithdrawn = true
            wake(ticket)
            leave(ticket)
        }
        return withdrawn
    }

    private func first(of sessionKey: String) -> Ticket? { sessions[sessionKey]?.first { !$0.isUnderWay } }

    private func wakeFirst(of sessionKey: String) {
        if let next = first(of: sessionKey), next.waiting?.reason == .turn { wake(next) }
    }

    private func wake(_ ticket: Ticket) {
        let waiting = ticket.waiting
        ticket.waiting = nil
        waiting?.resume()
    }
}
