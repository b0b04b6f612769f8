import JSON
import MiddlewareKit
import MiddlewareTesting
import OpenClaw
import OpenClawTesting
import PipelineEngine
import Synchronization
import Testing

/// Sessions that other clients and channels of the gateway take part in.
@Suite(.timeLimit(.minutes(1))) struct SharedSessionTests {
    private func texts(_ browser: Browser, _ session: String = "s") async throws -> [String] {
        try await browser.history(session).map { "\($0["role"]?.string ?? "") \($0["content"]?.text ?? "")" }
    }

    @Test func whatOthersWriteIsShownAndStoredOnce() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            try await browser.subscribe()
            await rig.gateway.addMessage("From the phone", to: "s")
            let shown = try await browser.next(state: "message")
            #expect(shown["message"]?["role"] == "user")
            #expect(shown["message"]?["content"]?.text == "From the phone")
            #expect(shown["sessionKey"] == "s")
            await rig.gateway.broadcastRun(sessionKey: "s", text: "Noted")
            #expect(try await browser.turn("foreign-run").text == "Noted")
            #expect(try await texts(browser) == ["user From the phone", "assistant Noted"])
        }
    }

    /// The first gateways with protocol 3 do not tell what users write.
    @Test func aGatewayThatTellsNothingIsAsked() async throws {
        var options = Rig.Options()
        options.gateway.offersSubscriptions = false
        options.gateway.protocolVersion = .v3
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            try await browser.subscribe()
            await rig.gateway.addMessage("From the phone", to: "s")
            rig.time.advance(by: .seconds(1))
            await rig.gateway.broadcastRun(sessionKey: "s", text: "Noted")
            var shown: Set<String> = []
            while shown.count < 2 {
                let frame = try await browser.next { ["message", "final"].contains($0["state"]?.string) }
                shown.insert(frame["message"]?["content"]?.text ?? "")
            }
            #expect(shown == ["From the phone", "Noted"])
            #expect(try await texts(browser) == ["user From the phone", "assistant Noted"])
        }
    }

    @Test func messagesInLostFramesAreShown() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            try await browser.subscribe()
            await rig.gateway.setFaults([.loseEvents])
            await rig.gateway.addMessage("From the phone", to: "s")
            await rig.gateway.setFaults([])
            await rig.gateway.tick()
            #expect(try await browser.next(state: "message")["message"]?["content"]?.text == "From the phone")
        }
    }

    @Test func ourOwnMessagesAreNotToldTwice() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            let run = try await rig.gateway.nextRun()
            await run.final("Hi")
            let turn = try await browser.turn("r")
            #expect(turn.states == ["accepted", "delta", "final"] || turn.states == ["accepted", "final"])
            #expect(try await browser.pending().isEmpty)
            #expect(try await texts(browser) == ["user Hello", "assistant Hi"])
        }
    }

    @Test func theFirstSightOfASessionBringsItsHistory() async throws {
        try await Rig.run { rig in
            await rig.gateway.setFaults([.loseEvents])
            await rig.gateway.addMessage("Before", to: "old")
            await rig.gateway.addMessage("<think>hidden</think>Indeed", role: "assistant", to: "old")
            let browser = try await rig.browser()
            for _ in 1...2 { #expect(try await texts(browser, "old") == ["user Before", "assistant Indeed"]) }
        }
    }

    /// Stages that count, or that ask a program, do not get an answer again because somebody looks at the session.
    @Test func stagesDoNotMeetStoredAnswersAgain() async throws {
        let stage = Loud()
        var options = Rig.Options()
        options.stages = [Stage(name: "loud", kind: "loud", middleware: stage)]
        try await Rig.run(options) { rig in
            func look() async throws -> [String] {
                browser.send(["type": "history", "sessionKey": "s", "refresh": true, "id": 1])
                return (try await browser.result()["messages"]?.array ?? []).map { $0["content"]?.text ?? "" }
            }
            let browser = try await rig.browser()
            browser.chat("Hello")
            await (try await rig.gateway.nextRun()).final("Hi")
            _ = try await browser.turn("r")
            // Another client's answers: one came while we listened, one did not, and one is withheld.
            await rig.gateway.addMessage("From the phone", to: "s")
            await rig.gateway.broadcastRun(sessionKey: "s", text: "Noted")
            _ = try await browser.turn("foreign-run")
            await rig.gateway.setFaults([.loseEvents])
            await rig.gateway.addMessage("later", role: "assistant", to: "s")
            await rig.gateway.addMessage("secret", role: "assistant", to: "s")
            _ = stage.takeFinals()
            #expect(try await look() == ["Hello", "HI", "From the phone", "NOTED", "LATER"])
            // What others were answered is known by its words only, and those are not stored.
            #expect(stage.takeFinals() == ["Noted", "later", "secret"])
            #expect(try await look() == ["Hello", "HI", "From the phone", "NOTED", "LATER"])
            #expect(stage.takeFinals() == [])
        }
    }

    /// A shadow has no effect: without another `persist`, nothing is kept.
    @Test func aShadowOfPersistKeepsNoHistory() async throws {
        var options = Rig.Options()
        options.keepsMessages = false
        options.stages = [
            Stage(name: "persist", kind: "persist", middleware: ClosureStage(handles: StagePaths()), mode: .shadow)
        ]
        try await Rig.run(options) { rig in
            await rig.gateway.setFaults([.loseEvents])
            await rig.gateway.addMessage("Before", to: "old")
            let browser = try await rig.browser()
            #expect(try await texts(browser, "old") == [])
        }
    }

    @Test func messagesOfOneMomentAreToldApart() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            await rig.gateway.setFaults([.loseEvents])
            for text in ["one", "two"] { await rig.gateway.addMessage(text, role: "assistant", to: "old") }
            for _ in 1...2 { #expect(try await texts(browser, "old") == ["assistant one", "assistant two"]) }
        }
    }

    @Test func refreshingBringsWhatIsNew() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            await rig.gateway.addMessage("One", to: "s")
            _ = try await texts(browser)
            await rig.gateway.setFaults([.loseEvents])
            await rig.gateway.addMessage("Two", to: "s")
            await rig.gateway.setFaults([])
            browser.send(["type": "history", "sessionKey": "s", "refresh": true, "id": 1])
            let messages = try await browser.result()["messages"]?.array ?? []
            #expect(messages.map { $0["content"]?.text } == ["One", "Two"])
        }
    }

    @Test func afterAReconnectWatchersSeeWhatTheyMissed() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            try await browser.subscribe()
            await rig.gateway.interrupt(.cut)
            _ = try await browser.next { $0["type"] == "gateway" && $0["state"] == "backing-off" }
            await rig.gateway.addMessage("While you were away", to: "s")
            await rig.gateway.addMessage("So it is", role: "assistant", to: "s")
            await rig.manager.connectNow(id: "home")
            #expect(try await browser.next(state: "message")["message"]?["content"]?.text == "While you were away")
            #expect(try await browser.next(state: "final")["message"]?["content"]?.text == "So it is")
            #expect(try await texts(browser) == ["user While you were away", "assistant So it is"])
        }
    }

    @Test func twoSpellingsAreOneSession() async throws {
        try await Rig.run { rig in
            let (one, two) = (try await rig.browser(), try await rig.browser())
            try await two.subscribe(" Agent:MAIN:S ")
            one.chat("Hello", in: "s")
            await (try await rig.gateway.nextRun()).final("Hi")
            #expect(try await one.turn("r").sessionKeys == ["s"])
            let seen = try await two.turn("r")
            #expect(seen.text == "Hi")
            #expect(seen.sessionKeys == [" Agent:MAIN:S "])
        }
    }

    @Test func sessionsOfTheGatewayAreListed() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            await rig.gateway.addMessage("Before", to: "old")
            await rig.gateway.interrupt(.cut)
            _ = try await browser.next { $0["type"] == "gateway" && $0["state"] == "backing-off" }
            await rig.manager.connectNow(id: "home")
            _ = try await browser.next { $0["type"] == "gateway" && $0["connected"] == true }
            var keys: [String?] = []
            while !keys.contains("agent:main:old") {
                browser.send(["type": "sessions", "id": 1])
                keys = try await browser.result()["sessions"]?.array?.map { $0["session_key"]?.string } ?? []
            }
        }
    }

    @Test func aSideAnswerIsShown() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            browser.chat("/btw what day is it?")
            let run = try await rig.gateway.nextRun()
            await rig.gateway.send(
                raw: #"""
                    {"type":"event","event":"chat.side_result","payload":{"kind":"btw","runId":"\#(run.id)",\#
                    "sessionKey":"agent:main:s","question":"what day is it?","text":"Monday"}}
                    """#)
            await run.silent()
            #expect(try await browser.turn("r").text == "Monday")
        }
    }
}

/// Says everything aloud but secrets, and knows what it was given.
private final class Loud: Middleware {
    private struct Transform: ReplyTransform {
        let stage: Loud
        var fed = ""

        mutating func feed(_ text: Substring) -> TextChange {
            fed += text
            return .append(text == "secret" ? "" : text.uppercased())
        }

        mutating func finish() -> TextChange {
            stage.finals.withLock { $0.append(fed) }
            return .append("")
        }
    }

    private let finals = Mutex<[String]>([])

    var handles: StagePaths { StagePaths(replyText: true) }

    func makeReplyTransform(for run: Run) -> ReplyTransformKind? { .immediate(Transform(stage: self)) }

    func takeFinals() -> [String] {
        finals.withLock { finals in
            defer { finals = [] }
            return finals
        }
    }
}
