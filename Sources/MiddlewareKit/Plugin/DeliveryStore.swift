/// Keeps what webhook stages have to deliver, and what became of it. Safe to call from anywhere.
///
/// A row of the outbox is an event. *Planning* turns it into one delivery for each endpoint that wants it. A delivery that
/// belongs to a lane waits until those before it in its lane are over, one way or the other.
///
/// All calls throw ``StorageFailure``; nothing of the call is kept then.
package protocol DeliveryStore: Sendable {
    /// Stores rows that belong to no message.
    func store(_ rows: [OutboxRow]) async throws
    /// The same without waiting: they are stored behind what was given to store before, and before what comes later.
    func enqueue(_ rows: [OutboxRow], onFailure: @escaping @Sendable (StorageFailure) -> Void)

    /// Yields after rows were stored and after anything here was changed, in this process; many changes are one.
    func webhookChanges() -> AsyncStream<Void>
    /// Grows with each change of endpoints in this process, before the change is told of.
    var endpointGeneration: Int { get }

    // MARK: Delivering

    /// The stage's events that were not planned yet, oldest first. Their payloads may lack the text (``OutboxRow/textPath``), which
    /// does not matter for where they go.
    func unplannedEvents(stage: String, limit: Int) async throws -> [OutboxEvent]
    /// Plans all events up to `last`. An event without a delivery is forgotten.
    func plan(_ deliveries: [PlannedDelivery], stage: String, through last: Int64, now: Timestamp) async throws
    /// The deliveries whose time has come, in the order of their times, each with those behind it in its lane, which may
    /// follow as soon as it has arrived. Not all of them: what is returned has a bound in bytes.
    func dueDeliveries(stage: String, endpoint: String, now: Timestamp, limit: Int) async throws -> [[DueDelivery]]
    /// Writes down attempts in their order, and lets those go ahead that waited for a delivery that is over.
    func record(_ attempts: [DeliveryAttempt], stage: String, now: Timestamp) async throws
    /// Moves the time of everything that is scheduled, because the clock was set.
    func shiftSchedule(stage: String, by change: Duration) async throws
    /// What waits for its next try is due now, and its schedule begins anew.
    func hastenDeliveries(stage: String, now: Timestamp) async throws
    /// Gives up everything that is left for an endpoint.
    func abandonDeliveries(stage: String, endpoint: String, error: String, now: Timestamp) async throws
    /// Forgets deliveries that were over before these times, and events that nothing needs any more. What is left for
    /// endpoints that are not among `endpoints` is given up when it is older than `deadBefore`.
    func cleanDeliveries(
        stage: String, endpoints: [String], deliveredBefore: Timestamp, deadBefore: Timestamp, now: Timestamp
    ) async throws

    /// Deliveries and unplanned events of stages that are not among `stages`, by stage: nobody delivers them. Those that are
    /// older than `before` are forgotten first.
    func strandedDeliveries(stages: [String], before: Timestamp) async throws -> [(stage: String, count: Int)]

    // MARK: Endpoints

    /// The names of the stages to which endpoints were added at run time, those that are gone too.
    func stagesWithAddedEndpoints() async throws -> [String]
    /// Endpoints that were added at run time, with their settings as JSON.
    func addedEndpoints(stage: String) async throws -> [(name: String, settings: String)]
    /// False when there is one with this name. What is left for an earlier one of the name is given up.
    func addEndpoint(stage: String, name: String, settings: String, now: Timestamp) async throws -> Bool
    /// False when there is none with this name. What is left for it stays, and is tried at once, as after ``enableEndpoint(stage:name:now:)``.
    func changeEndpoint(stage: String, name: String, settings: String, now: Timestamp) async throws -> Bool
    /// False when there is none. What is left for it is given up.
    func removeEndpoint(stage: String, name: String, now: Timestamp) async throws -> Bool
    /// Endpoints that said that they are gone, and the address that said so.
    func goneEndpoints(stage: String) async throws -> [(name: String, address: String)]
    /// Remembers what an endpoint said at this address.
    func setGone(stage: String, endpoint: String, address: String, now: Timestamp) async throws
    /// Somebody says that an endpoint is there again, whatever it said and however it failed: what waits for its next try is due, and its schedule begins anew.
    func enableEndpoint(stage: String, name: String, now: Timestamp) async throws
    /// When somebody said so last, by endpoint.
    func enabledEndpoints(stage: String) async throws -> [String: Timestamp]

    // MARK: Looking

    /// Newest first.
    func deliveries(_ filter: DeliveryFilter) async throws -> [StoredDelivery]
    func delivery(id: Int64) async throws -> (delivery: StoredDelivery, payload: String, attempts: [StoredAttempt])?
    func deliveryCounts(stage: String) async throws -> [DeliveryCounts]
    /// Whether the newest attempts to call an endpoint all failed; not when there were fewer.
    func failsAgainAndAgain(stage: String, endpoint: String, attempts: Int) async throws -> Bool
    /// Delivers again what is over, from the first attempt on; what waits for its next try is tried now, as if for the first time.
    /// - Returns: False when there is no such delivery, or when it waits for an earlier one of its lane.
    func replay(id: Int64, now: Timestamp) async throws -> Bool
    /// Delivers again what failed for good since then, but for what was meant for an earlier endpoint of the name.
    /// - Returns: How many.
    func replayDead(since: Timestamp, stage: String, endpoint: String, now: Timestamp) async throws -> Int
}

/// A row of the outbox.
package struct OutboxEvent: Sendable, Hashable {
    package let id: Int64
    package let topic: String
    package let payload: String
    package let createdAt: Timestamp

    package init(id: Int64, topic: String, payload: String, createdAt: Timestamp) {
        self.id = id
        self.topic = topic
        self.payload = payload
        self.createdAt = createdAt
    }
}

/// An event that is to go to an endpoint.
package struct PlannedDelivery: Sendable, Hashable {
    package let event: OutboxEvent
    package let eventID: String
    package let endpoint: String
    /// Deliveries of one endpoint and lane go out one after the other; nil: it waits for none.
    package let lane: String?
    package let dueAt: Timestamp

    package init(event: OutboxEvent, eventID: String, endpoint: String, lane: String?, dueAt: Timestamp) {
        self.event = event
        self.eventID = eventID
        self.endpoint = endpoint
        self.lane = lane
        self.dueAt = dueAt
    }
}

package struct DueDelivery: Sendable, Hashable {
    package let id: Int64
    package let eventID: String
    package let payload: String
    /// How often it was tried.
    package let attempts: Int

    package init(id: Int64, eventID: String, payload: String, attempts: Int) {
        self.id = id
        self.eventID = eventID
        self.payload = payload
        self.attempts = attempts
    }
}

/// One try, and what follows from it.
package struct DeliveryAttempt: Sendable, Hashable {
    package enum Verdict: Sendable, Hashable {
        case delivered
        case retry(at: Timestamp)
        case dead
    }

    package let delivery: Int64
    package let at: Timestamp
    package let duration: Duration
    package let status: Int?
    package let error: String?
    /// The beginning of the answer's body.
    package let answer: String
    package let verdict: Verdict

    package init(
        delivery: Int64, at: Timestamp, duration: Duration, status: Int?, error: String?, answer: String,
        verdict: Verdict
    ) {
        self.delivery = delivery
        self.at = at
        self.duration = duration
        self.status = status
        self.error = error
        self.answer = answer
        self.verdict = verdict
    }
}

package enum DeliveryState: String, Sendable, CaseIterable {
    /// Behind another one of its lane.
    case waiting
    case scheduled
    case delivered
    /// Given up.
    case dead
}

package struct DeliveryFilter: Sendable, Hashable {
    package var endpoint: String?
    package var state: DeliveryState?
    package var type: String?
    /// Only those with a lower id: the last one of the page before.
    package var before: Int64?
    package var limit: Int

    package init(
        endpoint: String? = nil, state: DeliveryState? = nil, type: String? = nil, before: Int64? = nil, limit: Int = 50
    ) {
        self.endpoint = endpoint
        self.state = state
        self.type = type
        self.before = before
        self.limit = limit
    }
}

package struct StoredDelivery: Sendable, Hashable {
    package let id: Int64
    package let stage: String
    package let endpoint: String
    package let eventID: String
    package let type: String
    package let state: DeliveryState
    package let attempts: Int
    package let createdAt: Timestamp
    /// When it will be tried, while it is scheduled.
    package let dueAt: Timestamp
    package let finishedAt: Timestamp?
    /// Of the last attempt.
    package let status: Int?
    package let error: String?

    package init(
        id: Int64, stage: String, endpoint: String, eventID: String, type: String, state: DeliveryState, attempts: Int,
        createdAt: Timestamp, dueAt: Timestamp, finishedAt: Timestamp?, status: Int?, error: String?
    ) {
        self.id = id
        self.stage = stage
        self.endpoint = endpoint
        self.eventID = eventID
        self.type = type
        self.state = state
        self.attempts = attempts
        self.createdAt = createdAt
        self.dueAt = dueAt
        self.finishedAt = finishedAt
        self.status = status
        self.error = error
    }
}

package struct StoredAttempt: Sendable, Hashable {
    package let at: Timestamp
    package let duration: Duration
    package let status: Int?
    package let error: String?
    package let answer: String

    package init(at: Timestamp, duration: Duration, status: Int?, error: String?, answer: String) {
        self.at = at
        self.duration = duration
        self.status = status
        self.error = error
        self.answer = answer
    }
}

/// How much there is for an endpoint.
package struct DeliveryCounts: Sendable, Hashable {
    package let endpoint: String
    /// Waiting and scheduled.
    package let open: Int
    package let dead: Int
    /// When the event of the oldest open one was stored.
    package let oldestOpen: Timestamp?

    package init(endpoint: String, open: Int, dead: Int, oldestOpen: Timestamp?) {
        self.endpoint = endpoint
        self.open = open
        self.dead = dead
        self.oldestOpen = oldestOpen
    }
}
