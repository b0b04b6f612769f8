package import MiddlewareKit

/// What all endpoints of a stage have in common.
package struct DeliverySettings: Sendable {
    package var schedule: RetrySchedule
    package var rules: AddressRules
    /// How much of a message events hold that are stored; endpoints can have less.
    package var content: EventContent
    package var keepDelivered: Duration
    package var keepDead: Duration

    package init(
        schedule: RetrySchedule, rules: AddressRules, content: EventContent, keepDelivered: Duration, keepDead: Duration
    ) {
        self.schedule = schedule
        self.rules = rules
        self.content = content
        self.keepDelivered = keepDelivered
        self.keepDead = keepDead
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
