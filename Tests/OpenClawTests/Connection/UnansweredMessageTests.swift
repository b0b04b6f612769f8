import JSON
import MiddlewareKit
import MiddlewareTesting
import OpenClawTesting
import Testing

@testable import OpenClaw

/// Messages that a gateway takes, or does not, without a word. Their deadlines are missed by hand.
@Suite(.timeLimit(.minutes(1))) struct UnansweredMessageTests {
    @Test func itIsSentAgainWithTheSameKeyAndToldOf() async throws {
        try await LiveConnection.run { live in
            try await live.isIdle()
            await live.gateway.setFaults([.stall(method: "chat.send")])
            let chat = ChatRequest(sessionKey: "s", message: "Hello", idempotencyKey: "r")
            async let acknowledgement = live.connection.sendChat(chat)
            _ = try await live.gateway.nextRequest(method: "chat.send")
            await live.gateway.setFaults([])
            await live.connection.missDeadlines()
            let notice = await live.notices.first { if case .unanswered = $0 { true } else { false } }
            #expect(notice == .unanswered(runID: "r"))
            await live.time.waitForSleeper(of: ChatDelivery.resendPause)
            live.time.advance(by: ChatDelivery.resendPause)
            let again = try await live.gateway.nextRequest(method: "chat.send")
            #expect(again.parameters["idempotencyKey"] == "r")
            #expect(try await acknowledgement == .started(runID: "r"))
        }
    }

    /// The gateway has forgotten the key, and its history has the message.
    @Test func aRepetitionOfWhatWasAnsweredIsNotSent() async throws {
        try await LiveConnection.run { live in
            try await live.isIdle()
            await live.gateway.addMessage("Hello", to: "s")
            await live.gateway.addMessage("Hi", role: "assistant", to: "s")
            let moment = Timestamp(milliseconds: live.time.now.milliseconds - 400_000)
            let chat = ChatRequest(sessionKey: "s", message: "Hello", idempotencyKey: "r", sentBefore: moment)
            #expect(try await live.connection.sendChat(chat) == .finished(runID: "r"))
            #expect(await live.gateway.userMessages(in: "s") == ["Hello"])
        }
    }

    /// It may be under way: the gateway is told, though the message waits here to be sent again.
    @Test func oneThatIsTakenBackMeanwhileIsStoppedAtTheGateway() async throws {
        try await LiveConnection.run { live in
            let delivery = try await live.sendUnanswered()
            let answer = try await live.connection.abort(sessionKey: "s", runID: "r")
            #expect(answer.aborted)
            #expect(answer.runIDs == ["r"])
            #expect(try await live.gateway.nextRequest(method: "chat.abort").parameters["runId"] == "r")
            await #expect(throws: GatewayError.withdrawn) { try await delivery.value }
            #expect(await live.connection.isOver("r"))
        }
    }

    /// Nobody waits for it any more, and nothing is left of it.
    @Test func oneWhoseTaskIsCancelledEnds() async throws {
        try await LiveConnection.run { live in
            let delivery = try await live.sendUnanswered()
            delivery.cancel()
            await #expect(throws: GatewayError.connectionLost) { try await delivery.value }
            #expect(await live.connection.heldMessages == 0)
        }
    }
}

extension LiveConnection {
    /// Sends a message that the gateway does not answer in time, up to the pause before it is sent again.
    fileprivate func sendUnanswered() async throws -> Task<ChatAcknowledgement, any Error> {
        try await isIdle()
        await gateway.setFaults([.stall(method: "chat.send")])
        let chat = ChatRequest(sessionKey: "s", message: "Hello", idempotencyKey: "r")
        let delivery = Task { [connection] in try await connection.sendChat(chat) }
        _ = try await gateway.nextRequest(method: "chat.send")
        await connection.missDeadlines()
        await time.waitForSleeper(of: ChatDelivery.resendPause)
        return delivery
    }
}
