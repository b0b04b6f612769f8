import Foundation
import MiddlewareKit
import MiddlewareTesting
import Synchronization
import Testing

@testable import Stages

@Suite(.timeLimit(.minutes(2))) struct ProcessStageTests {
    private static let verdicts = """
        stage = sluice.Stage()
        @stage.inbound("chat", "abort")
        def check(message):
            text = message["text"]
            if text == "no": return sluice.reject("no", "No, " + message["user"] + ".")
            if text == "note": return sluice.annotate(mood="calm", size=4)
            if text == "odd": return {"verdict": "reject"}
            if text == "die": os._exit(3)
            return sluice.replace(text.upper()) if text != "same" else None
        @stage.outbound("final")
        def see(event):
            return sluice.reject("hidden", "Withheld.") if event["text"] == "bad" else sluice.accept()
        stage.run()
        """

    @Test func aProgramDecidesWhatBecomesOfMessages() async throws {
        try await Program.stage(Program.options(Self.verdicts)) { harness in
            #expect(harness.middleware.handles == StagePaths(inbound: [.chat, .abort], outbound: [.final]))
            let context = Sample.context(principal: Principal(user: "ada"))
            func send(_ text: String) async -> StageHarness.Outcome<InboundMessage> {
                await harness.send(Sample.chat(text), context: context)
            }
            #expect(await send("hellö \u{2028} \"x\"").message?.text == "HELLÖ \u{2028} \"X\"")
            #expect(await send("same").message?.text == "same")
            #expect(await send("no").rejection == Rejection(code: "no", message: "No, ada."))
            #expect(await send("note").context?.notes == ["mood": "calm", "size": "4"])
            let odd = await send("odd")
            guard case .failed(let error) = odd else { throw CallOutProblem("\(odd)") }
            #expect("\(error)" == "it answered `reject` without a `message` for the sender")
            #expect(await harness.deliver(Sample.event(text: "good")).message != nil)
            #expect(await harness.deliver(Sample.event(text: "bad")).rejection?.code == "hidden")
        }
    }

    /// The program lives on: it is not started a second time.
    @Test func anExceptionIsAboutOneMessageOnly() async throws {
        let program = """
            stage, count = sluice.Stage(), []
            @stage.inbound("chat")
            def check(message):
                count.append(1)
                if message["text"] == "number": return sluice.replace(5)
                if message["text"] == "words": return "words"
                if message["text"] == "bad": raise ValueError("my secret")
                return sluice.replace(f"{len(count)} {message['text']}")
            @stage.reply
            def mask(piece, end):
                if "bad" in piece["text"]: raise KeyError("x")
                return piece["text"], ""
            stage.run()
            """
        try await Program.stage(Program.options(program)) { harness in
            for (text, name) in [("bad", "ValueError"), ("number", "TypeError"), ("words", "TypeError")] {
                let outcome = await harness.send(Sample.chat(text))
                guard case .failed(let error) = outcome else { throw CallOutProblem("\(outcome)") }
                #expect("\(error)" == "it reports an error: \(name)")
            }
            #expect(await harness.send(Sample.chat("good")).message?.text == "4 good")
            await #expect(throws: (any Error).self) { try await harness.stream(["bad"]) }
            #expect(try await harness.stream(["good"]) == "good")
        }
    }

    /// The message fails, and the program lives on.
    @Test func aWrongMemberIsAboutOneMessageOnly() async throws {
        let program = """
            stage, count = sluice.Stage(), []
            @stage.inbound("chat")
            def check(message):
                count.append(1)
                return {
                    "note": {"verdict": "annotate", "notes": {"a": 5}},
                    "notes": {"verdict": "annotate", "notes": ["b"]},
                    "verdict": {"verdict": "allow"},
                    "text": {"verdict": "replace", "text": ["x" * 500]},
                }.get(message["text"], sluice.replace(str(len(count))))
            stage.run()
            """
        try await Program.stage(Program.options(program)) { harness in
            let wrong = [
                ("note", "`notes.a` must be text"), ("notes", "`notes` must be an object whose values are text"),
                ("verdict", "`verdict` must be `pass`, `replace`, `reject` or `annotate`"),
                ("text", "`text` must be text"),
            ]
            for (text, words) in wrong {
                let outcome = await harness.send(Sample.chat(text))
                guard case .failed(let error) = outcome else { throw CallOutProblem("\(outcome)") }
                // What stands in it beside that may be the text of the message.
                #expect("\(error)" == "its answer is wrong: " + words)
            }
            #expect(await harness.send(Sample.chat("good")).message?.text == "5")
        }
    }

    @Test func aLongAnswerIsRead() async throws {
        let program = """
            stage = sluice.Stage()
            @stage.inbound("chat")
            def check(message): return sluice.replace("x" * 3_000_000)
            stage.run()
            """
        try await Program.stage(Program.options(program)) { harness in
            #expect(await harness.send(Sample.chat()).message?.text.utf8.count == 3_000_000)
        }
    }

    @Test func nothingIsNoReplacement() async throws {
        let program = """
            stage = sluice.Stage()
            @stage.inbound("chat")
            def check(message): return sluice.replace(" ")
            stage.run()
            """
        try await Program.stage(Program.options(program)) { harness in
            let outcome = await harness.send(Sample.chat("hello"))
            guard case .failed(let error) = outcome else { throw CallOutProblem("\(outcome)") }
            #expect("\(error)".contains("an empty `text`; `reject` refuses a message"))
            var picture = Sample.chat("look")
            picture.attachments = [Attachment(type: "image", mimeType: "image/png", content: "AA==")]
            #expect(await harness.send(picture).message?.text == " ")
        }
    }

    /// What an interpreter runs is part of the stage.
    @Test func theFilesOfTheCommandAreTheStagesOwn() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString).py").path()
        try Data().write(to: URL(filePath: file))
        defer { try? FileManager.default.removeItem(atPath: file) }
        var options = ProcessOptions()
        options.command = [file, "-u", file, "--level", "3"]
        #expect(ProcessPlugin.files(options) == [file, file])
        options.command = ["sh", "-c", "true"]
        #expect(ProcessPlugin.files(options).map { URL(filePath: $0).lastPathComponent } == ["sh"])
    }

    @Test func theExampleMasksWordsHoweverTheReplyIsCut() async throws {
        var options = ProcessOptions()
        options.command = ["python3", Program.examples + "/mask.py"]
        options.settings = ["words": "secret, intern"]
        try await Program.stage(options) { harness in
            let shown = try await harness.stream(["a sec", "ret pl", "an"])
            #expect(shown == "a ****** plan")
            #expect(await TextLaw.violation(of: harness.middleware, text: "Secret, secretive; intern") == nil)
            #expect(await harness.send(Sample.chat("My Secret")).rejection?.code == "word_refused")
            #expect(await MiddlewareCompatibility.violations(of: harness.middleware) == [])
        }
    }

    /// The second message finds no program, waits for the next one, and gets its answer.
    @Test func aRestartLosesNoMessage() async throws {
        let mark = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString)").path()
        defer { try? FileManager.default.removeItem(atPath: mark) }
        let body = """
            stage = sluice.Stage()
            @stage.inbound("chat")
            def check(message):
                if not os.path.exists(sys.argv[1]):
                    open(sys.argv[1], "w").close()
                    os._exit(1)
                return sluice.replace(message["text"] + "!")
            stage.run()
            """
        var options = Program.options(body)
        options.command.append(mark)
        let time = ManualTime()
        try await Program.stage(options, time: time) { harness in
            async let answers = withTaskGroup(of: String?.self) { group in
                for _ in 0..<10 { group.addTask { await harness.send(Sample.chat("hi")).message?.text } }
                return await group.reduce(into: []) { $0.append($1) }
            }
            // Ten answers are waited for, and the next start.
            await time.waitForSleeper(of: ProgramHost.backoff.first)
            time.advance(by: ProgramHost.backoff.first)
            #expect(await answers == Array(repeating: "hi!", count: 10))
        }
    }

    @Test func aMessageThatEndsTwoProgramsFails() async throws {
        let time = ManualTime()
        try await Program.stage(Program.options(Self.verdicts), time: time) { harness in
            async let outcome = harness.send(Sample.chat("die"))
            await time.waitForSleeper(of: ProgramHost.backoff.first)
            time.advance(by: ProgramHost.backoff.first)
            guard case .failed(let error) = await outcome else { throw CallOutProblem("it did not fail") }
            #expect("\(error)".contains("the program ended"))
        }
    }

    /// What waits behind a message that ends every program is answered all the same.
    @Test func onlyTheMessageThatEndsProgramsFails() async throws {
        let time = ManualTime()
        let desk = ProgramDesk(limit: 10, patience: .seconds(5), time: time)
        let bad = Task { try await desk.ask(1, "bad") }
        while desk.count < 1 { await Task.yield() }
        async let good = desk.ask(2, "good")
        while desk.count < 2 { await Task.yield() }
        for _ in 1...2 {
            desk.open(send: { _ in }, end: { _ in })
            desk.interrupt(because: ProgramFailure("it ended"))
        }
        await #expect(throws: ProgramFailure.self) { try await bad.value }
        let sent = Mutex<[String]>([])
        desk.open(send: { line in sent.withLock { $0.append(line) } }, end: { _ in })
        #expect(sent.withLock { $0 } == ["good"])
        desk.answer(ProgramProtocol.Answer(id: 2))
        #expect(try await good.id == 2)
    }

    @Test func aMessageThatWaitedForTheNextProgramSaysSo() async throws {
        let time = ManualTime()
        let desk = ProgramDesk(limit: 10, patience: .seconds(5), time: time)
        for (words, isRunning) in [
            ("had ended, and was not ready again within 5s", false), ("did not answer within 5s", true),
        ] {
            if isRunning { desk.open(send: { _ in }, end: { _ in }) }
            let asking = Task { try await desk.ask(1, "") }
            while desk.count < 1 { await Task.yield() }
            time.advance(by: .seconds(4))
            #expect(desk.timeLeft(for: 1) == .seconds(1))
            time.advance(by: .seconds(1))
            #expect(desk.timeLeft(for: 1) == nil)
            await #expect {
                try await asking.value
            } throws: {
                "\($0)" == "the program \(words)" && ($0 as? any TimeoutIndicating)?.isTimeout == true
            }
        }
    }

    /// What was asked of a program that ended, or was waited for until the next one was ready, has its time anew.
    @Test func theTimeForAnAnswerBeginsWithTheQuestion() async throws {
        let time = ManualTime()
        let desk = ProgramDesk(limit: 10, patience: .seconds(5), time: time)
        #expect(desk.timeLeft(for: 1) == .seconds(5))
        async let answer = desk.ask(1, "")
        while desk.count < 1 { await Task.yield() }
        for isLast in [false, true] {
            time.advance(by: .seconds(4))
            desk.open(send: { _ in }, end: { _ in })
            #expect(desk.timeLeft(for: 1) == .seconds(5))
            time.advance(by: .seconds(4))
            #expect(desk.timeLeft(for: 1) == .seconds(1))
            #expect(desk.timeUntilHung() == .seconds(1))
            if isLast { break }
            desk.interrupt(because: ProgramFailure("it ended"))
            #expect(desk.timeLeft(for: 1) == .seconds(5))
        }
        desk.answer(ProgramProtocol.Answer(id: 1))
        #expect(try await answer.id == 1)
    }

    /// Nobody waits for what it has, but it is hung all the same.
    @Test func aProgramThatHangsWithAbandonedMessagesIsFound() async throws {
        let time = ManualTime()
        let desk = ProgramDesk(limit: 1, patience: .seconds(5), time: time)
        let kills = Mutex(0)
        desk.open(send: { _ in }, end: { _ in kills.withLock { $0 += 1 } })
        let gone = Task { try await desk.ask(1, "") }
        while desk.count < 1 { await Task.yield() }
        gone.cancel()
        await #expect(throws: CancellationError.self) { try await gone.value }
        await #expect(throws: ProgramFailure.self) { try await desk.ask(2, "") }
        #expect(desk.timeUntilHung() == .seconds(5))
        #expect(kills.withLock { $0 } == 0)
        time.advance(by: .seconds(5))
        #expect(desk.timeUntilHung() == nil)
        #expect(desk.count == 1)
        #expect(kills.withLock { $0 } == 1)
        desk.interrupt(because: ProgramFailure("it ended"))
        #expect(desk.count == 0)
    }

    /// The clock of its question may be a moment late.
    @Test func whatAProgramHangsOverIsNotPutToTheNext() async throws {
        let time = ManualTime()
        let desk = ProgramDesk(limit: 2, patience: .seconds(5), time: time)
        desk.open(send: { _ in }, end: { _ in })
        let late = Task { try await desk.ask(1, "") }
        while desk.count < 1 { await Task.yield() }
        time.advance(by: .seconds(4))
        async let young = desk.ask(2, "young")
        while desk.count < 2 { await Task.yield() }
        time.advance(by: .seconds(1))
        #expect(desk.timeUntilHung() == nil)
        await #expect { try await late.value } throws: { ($0 as? ProgramFailure)?.isTimeout == true }
        desk.interrupt(because: ProgramFailure("it ended"))
        let sent = Mutex<[String]>([])
        desk.open(send: { line in sent.withLock { $0.append(line) } }, end: { _ in })
        #expect(sent.withLock { $0 } == ["young"])
        desk.answer(ProgramProtocol.Answer(id: 2))
        #expect(try await young.id == 2)
    }

    /// It is not ended, and what it has is not asked of another one; the message that waited too long fails.
    @Test func aProgramThatIsSlowIsNotHung() async throws {
        let time = ManualTime()
        let desk = ProgramDesk(limit: 10, patience: .seconds(5), time: time)
        let ends = Mutex(0)
        desk.open(send: { _ in }, end: { _ in ends.withLock { $0 += 1 } })
        let asked = (1...3).map { id in Task { try await desk.ask(id, "") } }
        while desk.count < 3 { await Task.yield() }
        time.advance(by: .seconds(3))
        desk.answer(ProgramProtocol.Answer(id: 1))
        time.advance(by: .seconds(2))
        #expect(desk.timeLeft(for: 3) == nil)
        await #expect {
            try await asked[2].value
        } throws: {
            "\($0)" == "the program did not answer within 5s; 1 other questions wait for it"
        }
        #expect(desk.timeUntilHung() == .seconds(3))
        #expect(ends.withLock { $0 } == 0)
        #expect(desk.count == 2)
        desk.answer(ProgramProtocol.Answer(id: 2))
        #expect(try await asked[1].value.id == 2)
        desk.answer(ProgramProtocol.Answer(id: 3))
        #expect(desk.count == 0)
    }

    /// It takes no place for ever.
    @Test func aQuestionThatAProgramLosesIsForgotten() async throws {
        let time = ManualTime()
        let desk = ProgramDesk(limit: 2, patience: .seconds(5), time: time)
        desk.open(send: { _ in }, end: { _ in })
        let lost = Task { try await desk.ask(1, "") }
        while desk.count < 1 { await Task.yield() }
        time.advance(by: .seconds(5))
        async let answered = desk.ask(2, "")
        while desk.count < 2 { await Task.yield() }
        desk.answer(ProgramProtocol.Answer(id: 2))
        _ = try await answered
        #expect(desk.count == 1)
        #expect(desk.timeLeft(for: 1) == nil)
        #expect(desk.timeUntilHung() == .seconds(5))
        await #expect(throws: ProgramFailure.self) { try await lost.value }
        #expect(desk.count == 0)
    }

    @Test func aProgramThatHangsIsStartedAgain() async throws {
        let body = """
            import time
            stage = sluice.Stage()
            @stage.inbound("chat")
            def check(message):
                if message["text"] == "hang": time.sleep(1000)
            stage.run()
            """
        let time = ManualTime()
        try await Program.stage(Program.options(body), time: time) { harness in
            async let outcome = harness.send(Sample.chat("hang"))
            // The answer is waited for, and whether it hangs is looked at.
            await time.waitForSleepers(2)
            time.advance(by: .seconds(5))
            guard case .failed(let error) = await outcome else { throw CallOutProblem("it did not fail") }
            #expect("\(error)" == "the program did not answer within 5s")
            await time.waitForSleeper(of: ProgramHost.backoff.first)
            time.advance(by: ProgramHost.backoff.first)
            #expect(await harness.send(Sample.chat("hi")).message?.text == "hi")
        }
    }

    /// The last words of a program, and who spoke them.
    @Test(arguments: [
        (
            "print('[1]', flush=True)",
            "the program's first line is no hello: standard output is for the protocol, write to"
        ),
        (
            "print('{\"protocol\":\"1\",\"handles\":{}}', flush=True)",
            #"no hello: `protocol` must be a whole number: “{"protocol":"1","handles":{}}”"#
        ),
        (hello + "print('debug', flush=True)", "the program wrote a line that is no answer: standard output is for"),
        (
            hello + "print('{\"id\":\"1\",\"verdict\":\"pass\"}', flush=True); sys.stdin.read()",
            #"no answer: `id` must be the whole number of the question: “{"id":"1","verdict":"pass"}”"#
        ),
        (hello + "os.close(1); sys.stdin.read()", "the program closed its standard output, and was ended"),
        (hello + "os._exit(3)", "the program ended with the code 3"),
        (
            hello + "os.write(1, b'{\"id\":1,\"verd'); os._exit(3)",
            #"the program ended with the code 3, in the middle of a line: “{"id":1,"verd”"#
        ),
        ("os.write(1, b'{\"prot'); os._exit(3)", #"ended with the code 3, in the middle of a line: “{"prot”"#),
        (hello + "import signal; os.kill(os.getpid(), signal.SIGKILL)", "the program was ended by signal 9"),
    ])
    func whatEndsAProgramIsSaid(body: String, words: String) async throws {
        let failure = await Program.run(Program.options(body)).run()
        #expect("\(failure)".contains(words), "\(failure)")
    }

    private static let hello = "print('{\"protocol\":1,\"handles\":{}}', flush=True); "

    /// It has time for its own end, in whatever way it is told.
    @Test(arguments: [
        // It sees no end of its input.
        "signal.signal(signal.SIGTERM, lambda *_: (done(), os._exit(0)))\n" + hello + "\nwhile True: signal.pause()",
        // It knows nothing of signals.
        "stage = sluice.Stage()\nstage.run()\ndone()",
        // The SDK leaves a handler alone.
        "signal.signal(signal.SIGTERM, lambda *_: done())\nstage = sluice.Stage()\nstage.run()\nimport time\nwhile True: time.sleep(0.01)",
    ])
    func aProgramMayPutThingsInOrder(body: String) async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString)").path()
        defer { try? FileManager.default.removeItem(atPath: file) }
        var options = Program.options(
            "import signal\ndef done():\n    open(sys.argv[1], 'w').close()\n    os.kill(os.getpid(), 9)\n" + body)
        options.command.append(file)
        try await Program.stage(options) { _ in }
        #expect(FileManager.default.fileExists(atPath: file))
    }

    /// What a hung program has in hand is not more than its own end.
    @Test func aProgramThatHangsMayPutThingsInOrder() async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString)").path()
        defer { try? FileManager.default.removeItem(atPath: file) }
        let body = """
            import time
            stage = sluice.Stage()
            @stage.inbound("chat")
            def check(message):
                try:
                    open(sys.argv[1] + ".begun", "w").close()
                    time.sleep(1000)
                finally: open(sys.argv[1], "w").close()
            stage.run()
            """
        var options = Program.options(body)
        options.command.append(file)
        defer { try? FileManager.default.removeItem(atPath: file + ".begun") }
        let time = ManualTime()
        try await Program.stage(options, time: time) { harness in
            async let outcome = harness.send(Sample.chat("hang"))
            await time.waitForSleepers(2)
            while !FileManager.default.fileExists(atPath: file + ".begun") { await Task.yield() }
            time.advance(by: .seconds(5))
            _ = await outcome
            await time.waitForSleeper(of: ProgramHost.backoff.first)
            #expect(FileManager.default.fileExists(atPath: file))
        }
    }

    @Test func aProgramThatWillNotEndIsKilled() async throws {
        let body =
            "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n\(Self.hello)\nwhile True: signal.pause()"
        let (greetings, greeted) = AsyncStream.makeStream(of: Void.self)
        let run = Program.run(Program.options(body), grace: .milliseconds(1)) { greeted.finish() }
        let life = Task { await run.run() }
        for await _ in greetings {}
        life.cancel()
        #expect(await life.value.description == "the stage is being taken down")
    }

    /// The last question was answered late, and no other comes.
    @Test func aHangIsFoundWithoutAnotherQuestion() async throws {
        let body = """
            import time
            stage = sluice.Stage()
            @stage.inbound("chat")
            def check(message):
                if message["text"] == "hang": time.sleep(1000)
            stage.run()
            """
        let time = ManualTime()
        try await Program.stage(Program.options(body), time: time) { harness in
            let asking = Task { await harness.send(Sample.chat("hang")) }
            await time.waitForSleepers(2)
            // Its sender has gone.
            asking.cancel()
            _ = await asking.value
            time.advance(by: .seconds(5))
            await time.waitForSleeper(of: ProgramHost.backoff.first)
            time.advance(by: ProgramHost.backoff.first)
            #expect(await harness.send(Sample.chat("hi")).message?.text == "hi")
        }
    }

    @Test func memoryIsLimited() async throws {
        let body = """
            stage = sluice.Stage()
            @stage.inbound("chat")
            def check(message):
                try: return sluice.replace(str(len(bytearray(2 << 30))))
                except MemoryError: return sluice.replace("too much")
            stage.run()
            """
        var options = Program.options(body)
        options.maxMemory = .gibibytes(1)
        try await Program.stage(options) { harness in
            #expect(await harness.send(Sample.chat("hi")).message?.text == "too much")
        }
    }

    @Test func onlySoManyWait() async throws {
        let desk = ProgramDesk(limit: 1, patience: .seconds(1), time: ManualTime())
        async let first = desk.ask(1, "")
        while desk.count == 0 { await Task.yield() }
        await #expect(throws: ProgramFailure.self) { try await desk.ask(2, "") }
        desk.answer(ProgramProtocol.Answer(id: 1))
        #expect(try await first.id == 1)
    }

    /// What the program gets of the environment is what the file says, and nothing of the server's own.
    @Test func secretsOfTheServerStayWithTheServer() async throws {
        let program = """
            read greeting
            echo '{"protocol":1,"handles":{"inbound":["chat"]}}'
            read question
            echo '{"id":1,"verdict":"replace","text":"'$(env | cut -d= -f1)'"}'
            read end
            """
        var options = ProcessOptions()
        options.command = ["sh", "-c", program]
        options.environment = ["API_KEY": Secret("x")]
        try await Program.stage(options) { harness in
            let text = await harness.send(Sample.chat("hi")).message?.text
            let names = Set(try #require(text).split(separator: " ").map { String($0) })
            // The last ones are the shell's own.
            #expect(names.subtracting(["PATH", "HOME", "LANG", "PWD", "OLDPWD", "SHLVL", "_"]) == ["API_KEY"])
        }
    }
}
