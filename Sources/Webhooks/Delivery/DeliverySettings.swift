package import MiddlewareKit

/// What all endpoints of a stage have in common.
package struct DeliverySettings: Sendable {
    package var schedule: RetrySchedule
    package var rules: AddressRules
    /// How much of a message an endpoint gets that does not say it itself.
    package var content: EventContent
    /// How much the stored events hold; no endpoint can have more.
    package var storedContent: EventContent
    package var keepDelivered: Duration
    package var keepDead: Duration
    /// How long what happens is gathered before the database is asked again: many events then share a transaction.
    package var pace: Duration

    package init(
        schedule: RetrySchedule, rules: AddressRules, content: EventContent, storedContent: EventContent,
        keepDelivered: Duration, keepDead: Duration, pace: Duration
    ) {
        self.schedule = schedule
        self.rules = rules
        self.content = content
        self.storedContent = storedContent
        self.keepDelivered = keepDelivered
        self.keepDead = keepDead
        self.pace = pace
    }
}

/// The services that the delivery needs.
package struct DeliveryServices: Sendable {
    package var store: any DeliveryStore
    package var http: any HTTPCaller
    package var time: any TimeSource
    /// Between 0 and 1.
    package var random: @Sendable () -> Double

    package init(
        store: any DeliveryStore, http: any HTTPCaller, time: any TimeSource,
        random: @escaping @Sendable () -> Double = { .random(in: 0...1) }
    ) {
        self.store = store
        self.http = http
        self.time = time
        self.random = random
    }
}
