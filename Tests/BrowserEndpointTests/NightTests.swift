import BrowserEndpoint
import Foundation
import JSON
import MiddlewareKit
import MiddlewareTesting
import OpenClaw
import OpenClawTesting
import Storage
import Testing

/// A night in which nearly everything goes wrong, compressed by a clock that the test moves: the network flaps, the gateway
/// restarts and forgets its runs, events and answers are lost, devices must be paired anew, tokens rotate, its configuration
/// changes, and in the middle of it the server itself is stopped. In the morning every message that was accepted is answered
/// or has failed with words, and stands in the history once.
@Suite(.timeLimit(.minutes(2))) struct NightTests {
    private static let sessions = ["kitchen", "workshop"]
    /// About twenty minutes each.
    private static let stepsBeforeRestart = 12
    private static let stepsAfterRestart = 12

    @Test(arguments: [1, 2] as [UInt64]) func everyAcceptedMessageEndsAndIsStoredOnce(seed: UInt64) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let time = ManualTime()
        var gatewayOptions = FakeGateway.Options.manual
        gatewayOptions.requiresApproval = true
        gatewayOptions.rotatesDeviceTokens = true
        gatewayOptions.now = { time.now.milliseconds }
        gatewayOptions.protocolVersion = seed.isMultiple(of: 2) ? .v4 : .v3
        let gateway = FakeGateway(options: gatewayOptions)
        try await gateway.start()
        var options = Rig.Options()
        options.time = time
        options.folder = folder
        options.existing = gateway

        let night = Night(random: SeededRandom(seed: seed), gateway: gateway)
        let agent = Task { await night.answerAll() }
        try await Rig.run(options) { rig in
            try await night.begin(rig)
            for _ in 0..<Self.stepsBeforeRestart { try await night.step() }
        }
        try await Rig.run(options) { rig in
            try await rig.hub.restoreRuns(gateways: ["home"])
            try await night.begin(rig)
            for _ in 0..<Self.stepsAfterRestart { try await night.step() }
            try await night.untilMorning()
            try await check(night, rig)
        }
        agent.cancel()
        await gateway.stop()
    }

    private func check(_ night: Night, _ rig: Rig) async throws {
        let accepted = await night.accepted
        #expect(accepted.count > 30)
        var answered = 0
        for session in Self.sessions {
            let rows = try await rig.database.messages(
                gateway: "home", sessionKey: "agent:main:\(session)", limit: 1_000, before: nil)
            let messages = try JSONValue(parsing: rows.json).array ?? []
            let asked = messages.filter { $0["role"] == "user" }.map { $0["content"]?.text ?? "" }
            let expected = accepted.filter { $0.value.session == session }
            for (id, message) in expected {
                #expect(asked.filter { $0 == message.text }.count == 1, "\(message.text) is stored once")
                let answers = messages.filter { $0["role"] == "assistant" && $0["run_id"]?.string == id }
                #expect(answers.count == 1, "\(message.text) has one end")
                guard let answer = answers.first else { continue }
                if answer["state"] == "complete" {
                    answered += 1
                    #expect(answer["content"]?.text == "Answer to \(message.text)")
                } else {
                    #expect(answer["error"]?.string?.isEmpty == false, "\(message.text) failed with words")
                }
            }
            // The agent never got a message twice.
            let heard = await rig.gateway.userMessages(in: session)
            #expect(heard.count == Set(heard).count)
        }
        // At least those whose answer was waited for.
        let awaited = await night.awaited
        #expect(awaited > 5)
        #expect(answered >= awaited, "\(answered) of \(accepted.count) were answered")
        #expect(try await rig.database.unfinishedRuns(since: .init(milliseconds: 0)).isEmpty)
    }
}

/// What happens, and what came of it.
private actor Night {
    struct Message {
        let session: String
        let text: String
    }

    private(set) var accepted: [String: Message] = [:]
    /// Messages whose answer was waited for.
    private(set) var awaited = 0
    private var sent: [String: Message] = [:]
    /// Sent, and neither accepted nor refused yet.
    private var open: Set<String> = []
    private var ended: Set<String> = []
    private var random: SeededRandom
    private let gateway: FakeGateway
    private var rig: Rig?
    private var browser: Browser?
    private var count = 0
    private var isAway = false
    /// Runs get their answers at once, or stay open for a while.
    private var holdsRuns = false
    private var held: [FakeRun] = []

    init(random: SeededRandom, gateway: FakeGateway) {
        self.random = random
        self.gateway = gateway
    }

    /// The agent: answers what the gateway begins.
    func answerAll() async {
        while let run = try? await gateway.nextRun() {
            await run.delta("Answer to ")
            if holdsRuns {
                held.append(run)
            } else {
                await run.final("Answer to \(run.prompt.message)")
            }
        }
    }

    func begin(_ rig: Rig) async throws {
        self.rig = rig
        let browser = try await rig.browser()
        for session in ["kitchen", "workshop"] { try await browser.subscribe(session) }
        self.browser = browser
        try await approve()
    }

    /// Some twenty minutes: somebody writes, something happens, and time goes by.
    func step() async throws {
        guard let browser else { return }
        holdsRuns = random.next(3) == 0
        let isConnected = await isConnected
        var new: Set<String> = []
        for _ in 0...random.next(3) {
            count += 1
            let message = Message(session: random.next(2) == 0 ? "kitchen" : "workshop", text: "Question \(count)")
            sent["q\(count)"] = message
            new.insert("q\(count)")
            browser.chat(message.text, in: message.session, run: "q\(count)")
        }
        open.formUnion(new)
        // Sometimes what happens comes between, sometimes all is well until the answers are there.
        if random.next(2) == 0 {
            while !open.isEmpty { try await read() }
            if isConnected, !holdsRuns {
                while !ended.isSuperset(of: new.intersection(accepted.keys)) { try await read() }
                awaited += new.intersection(accepted.keys).count
            }
        }
        try await happen()
        // Every message is accepted or refused, whatever happens.
        while !open.isEmpty { try await read() }
        try await pass(.seconds(Double(20 * random.next(6))))
        for run in held { await run.final("Answer to \(run.prompt.message)") }
        held = []
        await gateway.setFaults([])
        if !isAway || random.next(2) == 0 { try await comeBack() }
        try await pass(.seconds(900))
    }

    private func happen() async throws {
        switch random.next(11) {
        case 0, 1: await gateway.interrupt(.cut)
        case 2: await gateway.interrupt(.halfFrame)
        case 3:
            await gateway.forgetRuns()
            await gateway.interrupt(.cut)
        case 4: await gateway.setFaults([.loseAnswer(method: "chat.send")])
        case 5: await gateway.setFaults([.loseEvents])
        case 6:
            for device in await gateway.pairedDevices { await gateway.removeDevice(device) }
            await gateway.interrupt(.close(code: 1012, reason: "service restart"))
        case 7:
            // Nobody can connect for a while.
            await gateway.setFaults([.refuseConnect(GatewayRefusal(code: "UNAVAILABLE", message: "too busy"))])
            await gateway.interrupt(.cut)
            isAway = true
        case 8:
            // Nobody can look into the history.
            await gateway.setFaults([.loseAnswer(method: "chat.history")])
            await gateway.interrupt(.cut)
        case 9:
            // Somebody changes the configuration, and the connection is made anew.
            guard var configuration = await rig?.manager.configuration(of: "home") else { return }
            configuration.requestTimeout += .seconds(1)
            await rig?.manager.add(configuration)
        default: await gateway.setFaults([.duplicateTerminals, .duplicateDeltas])
        }
    }

    private func comeBack() async throws {
        isAway = false
        await gateway.setFaults([])
        await gateway.tick()
        try await approve()
    }

    /// Connects, and does what `openclaw devices approve` does if the gateway asks for it. The clock stands still: all this
    /// takes a moment in truth.
    private func approve() async throws {
        while await !isConnected {
            for request in await gateway.pairingRequests { await gateway.approve(request.id) }
            await rig?.manager.connectNow(id: "home")
            try await collect()
        }
    }

    /// Both sides say so: what was cut just now may not have been noticed yet.
    private var isConnected: Bool {
        get async {
            let isThere = await gateway.clientCount > 0
            return await rig?.manager.status(of: "home")?.isConnected == true && isThere
        }
    }

    /// In steps of less than a minute: what is sent is under way for no longer, as `collect` sees it arrive.
    private func pass(_ duration: Duration) async throws {
        for _ in 0..<18 {
            rig?.time.advance(by: duration / 18)
            try await collect()
        }
    }

    /// Reads what the browser got. Round trips to the server and to the gateway let both do what they have to do: what the
    /// server has sent by now, the gateway has read.
    private func collect() async throws {
        guard let browser else { return }
        _ = try? await rig?.manager.request(gateway: "home", method: "health", params: [:])
        _ = await gateway.clientCount
        for frame in try await browser.pending() { note(frame) }
    }

    /// Waits for the next frame.
    private func read() async throws {
        if let frame = try await browser?.next() { note(frame) }
    }

    private func note(_ frame: JSONValue) {
        guard let id = frame["runId"]?.string, let message = sent[id] else { return }
        switch (frame["type"]?.string, frame["state"]?.string) {
        case ("chat", "accepted"):
            accepted[id] = message
            open.remove(id)
        case ("chat", "final"), ("chat", "error"), ("chat", "aborted"): ended.insert(id)
        case ("error", _): open.remove(id)
        default: break
        }
    }

    /// The network is well again: now everything must come to an end, however long this machine needs for it.
    func untilMorning() async throws {
        while true {
            try await comeBack()
            for run in held { await run.final("Answer to \(run.prompt.message)") }
            held = []
            holdsRuns = false
            rig?.time.advance(by: .seconds(30))
            try await collect()
            let open = try await rig?.database.unfinishedRuns(since: .init(milliseconds: 0)).count ?? 0
            if open == 0 { return }
        }
    }
}

/// The same numbers for the same seed (SplitMix64).
private struct SeededRandom {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    /// 0 ..< limit.
    mutating func next(_ limit: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((z ^ (z >> 31)) % UInt64(limit))
    }
}
