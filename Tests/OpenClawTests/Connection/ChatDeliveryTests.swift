import Testing

@testable import OpenClaw

@Suite struct ChatDeliveryTests {
    private let longAgo = Duration.seconds(-10_000)

    private func delivery(_ policy: AwayPolicy = .queue(maxMessages: 1, maxAge: .seconds(60))) -> ChatDelivery {
        ChatDelivery(gateway: "home", policy: policy, now: .zero)
    }

    /// What is expected of a delivery after a failed attempt.
    private func check(_ delivery: inout ChatDelivery, _ expected: Bool, _ error: GatewayError, now: Duration) {
        let goesOn = delivery.goesOn(after: error, now: now)
        #expect(goesOn == expected, "\(error) at \(now)")
    }

    @Test func isSentAtOnceWhenTheGatewayIsThere() {
        #expect(delivery().next(now: .zero, gatewayStart: longAgo, awayReason: "") == .send)
    }

    @Test func waitsUntilItsAgeIsReached() {
        let delivery = delivery()
        #expect(delivery.next(now: .seconds(10), gatewayStart: nil, awayReason: "") == .wait(.seconds(50)))
        #expect(
            delivery.next(now: .seconds(60), gatewayStart: nil, awayReason: "")
                == .giveUp(.expired(gateway: "home", after: .seconds(60))))
    }

    @Test func isRefusedWhereWaitingIsNotWanted() {
        #expect(
            delivery(.reject).next(now: .zero, gatewayStart: nil, awayReason: "it rests")
                == .giveUp(.notConnected(gateway: "home", reason: "it rests")))
    }

    /// Whether it arrived is not known, so that even `reject` tries again.
    @Test(arguments: [AwayPolicy.reject, .standard])
    func isSentAgainAfterALostConnection(policy: AwayPolicy) {
        var delivery = delivery(policy)
        delivery.willSend(now: .zero)
        check(&delivery, true, .connectionLost, now: .seconds(1))
        check(&delivery, true, .timedOut(method: "chat.send"), now: .seconds(1))
        #expect(delivery.next(now: .seconds(1), gatewayStart: nil, awayReason: "") == .wait(.seconds(299)))
        // Whoever is given little time to answer gets no flood.
        #expect(
            delivery.next(now: .milliseconds(1500), gatewayStart: longAgo, awayReason: "") == .pause(.milliseconds(500))
        )
        #expect(delivery.next(now: .seconds(2), gatewayStart: longAgo, awayReason: "") == .send)
        #expect(delivery.next(now: .seconds(300), gatewayStart: nil, awayReason: "") == .giveUp(.connectionLost))
        check(&delivery, false, .connectionLost, now: .seconds(300))
    }

    @Test func aRefusalIsTheEnd() {
        var delivery = delivery()
        delivery.willSend(now: .zero)
        check(&delivery, false, .refused(code: "X", message: "", retryAfterMs: nil), now: .zero)
        check(&delivery, false, .tooManyPending, now: .zero)
    }

    @Test func looksIntoTheHistoryWhenTheGatewayForgotTheKey() {
        var delivery = delivery()
        delivery.willSend(now: .zero)
        check(&delivery, true, .connectionLost, now: .seconds(1))
        // It was restarted since, or at that very moment.
        #expect(delivery.next(now: .seconds(5), gatewayStart: .seconds(3), awayReason: "") == .lookUp)
        #expect(delivery.next(now: .seconds(5), gatewayStart: .zero, awayReason: "") == .lookUp)
        // Too long ago, or by the time that the request has arrived.
        #expect(delivery.next(now: .seconds(301), gatewayStart: longAgo, awayReason: "") == .lookUp)
        #expect(delivery.next(now: .seconds(299), gatewayStart: longAgo, awayReason: "") == .lookUp)
        #expect(delivery.next(now: .seconds(240), gatewayStart: longAgo, awayReason: "") == .send)
        // A history that could not be read says nothing.
        check(&delivery, true, .timedOut(method: "chat.history"), now: .seconds(6))
        #expect(delivery.next(now: .seconds(7), gatewayStart: .seconds(3), awayReason: "") == .lookUp)
        delivery.wasNotFound()
        #expect(delivery.next(now: .seconds(7), gatewayStart: .seconds(3), awayReason: "") == .send)
        // After another failure it looks again.
        delivery.willSend(now: .seconds(7))
        #expect(delivery.next(now: .seconds(9), gatewayStart: .seconds(8), awayReason: "") == .lookUp)
    }

    /// Nothing arrived: what the gateway turned away for a while is sent again, and no history need be read.
    @Test func aGatewayThatAsksForPatienceGetsIt() {
        var delivery = delivery()
        delivery.willSend(now: .zero)
        let busy = GatewayError.unavailable(message: "restarting", retryAfter: .seconds(2))
        check(&delivery, true, busy, now: .seconds(1))
        #expect(!delivery.isInDoubt)
        #expect(delivery.next(now: .seconds(2), gatewayStart: longAgo, awayReason: "") == .pause(.seconds(1)))
        #expect(delivery.next(now: .seconds(2), gatewayStart: nil, awayReason: "") == .wait(.seconds(58)))
        #expect(delivery.next(now: .seconds(3), gatewayStart: longAgo, awayReason: "") == .send)
        check(&delivery, false, busy, now: .seconds(60))
        var impatient = self.delivery(.reject)
        impatient.willSend(now: .zero)
        let goesOn = impatient.goesOn(after: busy, now: .zero)
        #expect(!goesOn)
    }

    /// An earlier attempt with the same key may have arrived, when the server had not been restarted yet, say.
    @Test func aRepetitionIsInDoubtFromTheStart() {
        func repetition(after age: Duration) -> ChatDelivery {
            ChatDelivery(
                gateway: "home", policy: .queue(maxMessages: 1, maxAge: .seconds(60)), now: .zero, sentBefore: age)
        }
        #expect(repetition(after: .seconds(20)).next(now: .zero, gatewayStart: longAgo, awayReason: "") == .send)
        #expect(
            repetition(after: .seconds(20)).next(now: .zero, gatewayStart: .seconds(-10), awayReason: "") == .lookUp)
        var old = repetition(after: .seconds(400))
        #expect(old.next(now: .zero, gatewayStart: longAgo, awayReason: "") == .lookUp)
        // It has as much time as any other, however long ago the first attempt was.
        #expect(old.next(now: .zero, gatewayStart: nil, awayReason: "") == .wait(.seconds(300)))
        check(&old, true, .connectionLost, now: .seconds(1))
        #expect(old.next(now: .seconds(300), gatewayStart: nil, awayReason: "") == .giveUp(.connectionLost))
    }

    @Test(arguments: [(AwayPolicy.queue(maxMessages: 1, maxAge: .seconds(60)), 60), (.reject, 300)])
    func waitsForThoseBeforeItAndNotForEver(policy: AwayPolicy, seconds: Int) {
        let delivery = delivery(policy)
        func next(now: Duration) -> ChatDelivery.Step {
            delivery.next(now: now, gatewayStart: longAgo, awayReason: "", isFirst: false)
        }
        #expect(next(now: .zero) == .waitForTurn(.seconds(seconds)))
        #expect(next(now: .seconds(seconds)) == .giveUp(.expired(gateway: "home", after: .seconds(seconds))))
    }

    /// The one before it may be in doubt as well.
    @Test func oneInDoubtWaitsForThoseBeforeItToo() {
        var delivery = delivery()
        delivery.willSend(now: .zero)
        check(&delivery, true, .connectionLost, now: .seconds(1))
        #expect(
            delivery.next(now: .seconds(2), gatewayStart: .seconds(1), awayReason: "", isFirst: false)
                == .waitForTurn(.seconds(298)))
        #expect(
            delivery.next(now: .seconds(300), gatewayStart: .seconds(1), awayReason: "", isFirst: false)
                == .giveUp(.connectionLost))
    }
}
