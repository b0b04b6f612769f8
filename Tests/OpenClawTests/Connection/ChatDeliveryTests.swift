import Testing

@testable import OpenClaw

@Suite struct ChatDeliveryTests {
    private let longAgo = Duration.seconds(-10_000)

    private func delivery(_ policy: AwayPolicy = .queue(maxMessages: 1, maxAge: .seconds(60))) -> ChatDelivery {
        ChatDelivery(gateway: "home", policy: policy, now: .zero)
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
        #expect(delivery.mayGoOn(after: .connectionLost, now: .seconds(1)))
        #expect(delivery.mayGoOn(after: .timedOut(method: "chat.send"), now: .seconds(1)))
        #expect(delivery.next(now: .seconds(1), gatewayStart: nil, awayReason: "") == .wait(.seconds(299)))
        #expect(delivery.next(now: .seconds(2), gatewayStart: longAgo, awayReason: "") == .send)
        #expect(delivery.next(now: .seconds(300), gatewayStart: nil, awayReason: "") == .giveUp(.connectionLost))
        #expect(!delivery.mayGoOn(after: .connectionLost, now: .seconds(300)))
    }

    @Test func aRefusalIsTheEnd() {
        var delivery = delivery()
        delivery.willSend(now: .zero)
        #expect(!delivery.mayGoOn(after: .refused(code: "X", message: "", retryAfterMs: nil), now: .zero))
        #expect(!delivery.mayGoOn(after: .tooManyPending, now: .zero))
    }

    @Test func looksIntoTheHistoryWhenTheGatewayForgotTheKey() {
        var delivery = delivery()
        delivery.willSend(now: .zero)
        // It was restarted since.
        #expect(delivery.next(now: .seconds(5), gatewayStart: .seconds(3), awayReason: "") == .lookUp)
        // Too long ago.
        #expect(delivery.next(now: .seconds(301), gatewayStart: longAgo, awayReason: "") == .lookUp)
        delivery.didLookUp()
        #expect(delivery.next(now: .seconds(6), gatewayStart: .seconds(3), awayReason: "") == .send)
        // After another failure it looks again.
        delivery.willSend(now: .seconds(6))
        #expect(delivery.next(now: .seconds(9), gatewayStart: .seconds(8), awayReason: "") == .lookUp)
    }
}
