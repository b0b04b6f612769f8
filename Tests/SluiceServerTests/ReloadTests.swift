import Foundation
import InMemoryLogging
import JSON
import Logging
import MiddlewareKit
import MiddlewareTesting
import PipelineEngine
import ServiceLifecycle
import Settings
import Synchronization
import Testing

@testable import SluiceServer

/// Chains that are built again and again, with messages under way.
@Suite struct ReloadTests {
    private static func load(_ text: String) -> LoadedSettings {
        SettingsLoader.load(
            text: Array(text.utf8), file: "c", environment: [:], catalog: StageCatalog([CountedPlugin.self]))
    }

    private static func factory(_ keeper: StageKeeper, _ time: ManualTime, _ log: InMemoryLogHandler) -> ChainFactory {
        ChainFactory(keeper: keeper, tracer: nil, time: time) { name in
            ProvisionContext(
                stageName: name, environment: StageEnvironment(isReachableByOthers: false),
                messages: InMemoryMessageStore(), keys: InMemoryKeyStore(), state: InMemoryStateStore(), time: time,
                logger: Logger(label: "test") { _ in log })
        }
    }

    /// Runs `body` while the keeper is at work, and returns when it has cleaned up.
    private static func run(
        time: ManualTime = ManualTime(), log: InMemoryLogHandler = InMemoryLogHandler(),
        _ body: (ChainFactory) async throws -> Void
    ) async throws {
        let keeper = StageKeeper()
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await keeper.run() }
            try await body(factory(keeper, time, log))
            tasks.cancelAll()
            try await tasks.waitForAll()
        }
    }

    /// A stage that could not be made leaves everything as it was.
    @Test func aFailedReloadHasAppliedNothing() {
        let changes = ConfigDiff.changes(
            from: Self.load("pipeline: []"), to: Self.load("pipeline: [ { use: counted } ]\nserver: { port: 1 }"))
        var report = ReloadReport(outcome: .failed, generation: 1, changes: changes)
        let effects = { (report: ReloadReport) in
            Set(report.json["changes"]?.array?.compactMap { $0["effect"]?.string } ?? [])
        }
        #expect(effects(report) == ["none"])
        report.outcome = .applied
        #expect(effects(report) == ["applied", "needs-restart"])
    }

    @Test func aThousandReloadsUnderLoadLoseNothingAndKeepNothing() async throws {
        let life = CountedPlugin.Life()
        try await CountedPlugin.$life.withValue(life) {
            try await Self.run { factory in
                let stay = "{ use: counted, name: stays }"
                let first = try await factory.make(
                    Self.load("pipeline: [ \(stay) ]").chains, generation: 1, reusing: nil)
                let current = Shared(first)
                let arrived = Shared(0)
                try await withThrowingTaskGroup(of: Void.self) { tasks in
                    for _ in 0..<4 {
                        tasks.addTask {
                            for _ in 0..<1000 {
                                let chain = current.value.standard
                                _ = try await chain.send(Sample.chat(), context: Sample.context()) { _, _ in
                                    arrived.change { $0 += 1 }
                                }
                                await Task.yield()
                            }
                        }
                    }
                    // Two that differ take turns: reading files is not what is tried here.
                    let plans = [0, 1].map { number in
                        Self.load("pipeline: [ \(stay), { use: counted, name: changes, with: { number: \(number) } } ]")
                            .chains
                    }
                    for generation in 2...1001 {
                        let old = current.value
                        let next = try await factory.make(
                            plans[generation % 2], generation: generation, reusing: old)
                        current.change { $0 = next }
                    }
                    try await tasks.waitForAll()
                }
                #expect(arrived.value == 4000)
                #expect(life.made == 1001)
                // One that stayed, one of the last generation.
                await life.wait(untilAlive: 2)
                let last = current.value
                #expect(last.standard.stages[0].instance === first.standard.stages[0].instance)
                #expect(last.standard.stages[0].figures.current.calls == 4000)
            }
        }
        #expect(life.alive == 0)
        #expect(life.backgroundRuns == life.made)
    }

    @Test func aStageThatCannotBeMadeLeavesNothingBehind() async throws {
        let life = CountedPlugin.Life()
        try await CountedPlugin.$life.withValue(life) {
            try await Self.run { factory in
                let text = "pipeline: [ { use: counted }, { use: counted, name: bad, with: { fails: true } } ]"
                await #expect(throws: StartFailure.self) {
                    try await factory.make(Self.load(text).chains, generation: 1, reusing: nil)
                }
                #expect(life.made == 1)
                await life.wait(untilAlive: 0)
            }
        }
    }

    /// The log says what is waited for; then it is an error. What comes of it later is taken down.
    @Test(.timeLimit(.minutes(1)), arguments: [false, true])
    func aStageThatIsNotMadeInTimeIsGivenUp(isStopped: Bool) async throws {
        let (life, time, log) = (CountedPlugin.Life(), ManualTime(), InMemoryLogHandler())
        try await CountedPlugin.$life.withValue(life) {
            try await Self.run(time: time, log: log) { factory in
                let plan = Self.load("pipeline: [ { use: counted, name: slow, with: { hangs: true } } ]").chains
                let making = Task { try await factory.make(plan, generation: 1, reusing: nil) }
                await time.waitForSleepers(2)
                time.advance(by: ChainFactory.noticeable)
                while log.entries.isEmpty { await Task.yield() }
                #expect(
                    log.entries.map(\.message) == [
                        "the stage “slow” (`use: counted`) is being made for 5s already; it is given up after 1m at the latest"
                    ])
                if isStopped { making.cancel() } else { time.advance(by: ChainFactory.patience) }
                let words = isStopped ? "the server is being stopped" : "it was not ready within 1m"
                await #expect {
                    try await making.value
                } throws: {
                    "\($0)" == "the stage “slow” (`use: counted`) could not be made: \(words)"
                }
                #expect(life.made == 0)
                life.letGo()
                while life.made == 0 { await Task.yield() }
                await life.wait(untilAlive: 0)
            }
        }
    }

    @Test func chainsOfOneConfigurationShareInstances() async throws {
        let life = CountedPlugin.Life()
        try await CountedPlugin.$life.withValue(life) {
            try await Self.run { factory in
                let text = """
                    pipeline: [ { use: counted } ]
                    chains: { other: { override: { counted: { when: user == ada } } } }
                    attach: [ { chain: other, when: user == ada } ]
                    """
                let chains = try await factory.make(Self.load(text).chains, generation: 1, reusing: nil)
                #expect(life.made == 1)
                #expect(chains.all.map(\.name) == ["pipeline", "other"])
                #expect(
                    chains.chain(for: MessageFacts(direction: .inbound, kind: "chat", user: "ada"))
                        === chains.all[1].chain)
                #expect(
                    chains.chain(for: MessageFacts(direction: .inbound, kind: "chat", user: "bob")) === chains.standard)
            }
        }
    }
}

@Suite struct FileWatcherTests {
    private let file = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString)")

    private func write(_ text: String) throws { try Data(text.utf8).write(to: file) }

    @Test func aStampTellsOneStateFromAnother() throws {
        defer { try? FileManager.default.removeItem(at: file) }
        let missing = FileStamp(of: file.path)
        try write("a")
        let first = FileStamp(of: file.path)
        try write("ab")
        let second = FileStamp(of: file.path)
        #expect(Set([missing, first, second]).count == 3)
        #expect(FileStamp(of: file.path) == second)
    }

    /// As deployments do it: the file that is named stays, and what it leads to is another one.
    @Test func aLinkThatLeadsElsewhereIsAChange() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        func path(_ name: String) -> String { folder.appending(path: name).path }
        for version in ["d1", "d2"] {
            try FileManager.default.createDirectory(atPath: path(version), withIntermediateDirectories: true)
            try Data("same".utf8).write(to: folder.appending(path: "\(version)/config.yaml"))
        }
        try FileManager.default.createSymbolicLink(atPath: path("data"), withDestinationPath: "d1")
        try FileManager.default.createSymbolicLink(atPath: path("c.yaml"), withDestinationPath: "data/config.yaml")
        let first = FileStamp(of: path("c.yaml"))
        #expect(first == FileStamp(of: path("c.yaml")))
        try FileManager.default.removeItem(atPath: path("data"))
        #expect(FileStamp(of: path("c.yaml")) != first)
        try FileManager.default.createSymbolicLink(atPath: path("data"), withDestinationPath: "d2")
        let second = FileStamp(of: path("c.yaml"))
        #expect(second != first)
        try Data("moreover".utf8).write(to: folder.appending(path: "d2/config.yaml"))
        #expect(FileStamp(of: path("c.yaml")) != second)
    }

    /// A file that is being written is read once nobody writes to it any more.
    @Test func aFileThatGrowsIsWaitedFor() async throws {
        defer { try? FileManager.default.removeItem(at: file) }
        try write("first")
        let known = Shared([FileStamp(of: file.path)])
        let sizes = Shared<[Int]>([])
        let pauses = Shared(0)
        let path = file.path
        let calls = await watch(untilReloads: 1, known: { known.value }) { _ in
            known.change { $0 = [FileStamp(of: path)] }
            sizes.change { $0.append((try? Data(contentsOf: URL(filePath: path)).count) ?? 0) }
        } beforePause: {
            pauses.change { $0 += 1 }
            if pauses.value <= 5 { try? write(String(repeating: "x", count: 10 * pauses.value)) }
        }
        #expect(calls == 1)
        #expect(sizes.value == [50])
    }

    /// Lets the watcher work until it has called `reload` so many times, and then for ten pauses more.
    ///
    /// - Returns: How many calls there were.
    private func watch(
        untilReloads count: Int, known: @escaping @Sendable () -> [FileStamp],
        reload: @escaping @Sendable (_ number: Int) -> Void, beforePause: () -> Void = {}
    ) async -> Int {
        let (time, calls) = (ManualTime(), Shared(0))
        let watcher = FileWatcher(
            known: known,
            reload: {
                calls.change { $0 += 1 }
                reload(calls.value)
            }, time: time)
        let watching = Task { await watcher.watch() }
        var pauses = 0
        while pauses < 10 {
            await time.waitForSleepers()
            if calls.value >= count { pauses += 1 }
            beforePause()
            time.advance(by: watcher.pause)
        }
        watching.cancel()
        await watching.value
        return calls.value
    }

    @Test func anEditDuringAReloadIsReadToo() async throws {
        defer { try? FileManager.default.removeItem(at: file) }
        try write("first")
        let known = Shared([FileStamp(of: file.path)])
        try write("second one")
        let calls = await watch(untilReloads: 2, known: { known.value }) { number in
            // What a file is like is looked at before it is read.
            known.change { $0 = [FileStamp(of: file.path)] }
            if number == 1 { try? write("somebody saves again, while the second one is being read") }
        }
        #expect(calls == 2)
    }

    @Test func aFileThatIsGoneIsLookedForOnce() async throws {
        try write("first")
        let known = Shared([FileStamp(of: file.path)])
        try FileManager.default.removeItem(at: file)
        let calls = await watch(untilReloads: 1, known: { known.value }) { _ in
            known.change { $0 = [FileStamp(of: file.path)] }
        }
        #expect(calls == 1)
    }
}

@Suite struct ConfigurationInUseTests {
    private func load(_ port: Int, _ level: String = "info", stages: String = "") -> LoadedSettings {
        let text = "server: { port: \(port) }\nlog: { level: \(level) }\npipeline: [ \(stages) ]\n"
        return SettingsLoader.load(
            text: Array(text.utf8), file: "c", environment: [:], catalog: StageCatalog([CountedPlugin.self]))
    }

    @Test func whatWaitsForARestartIsToldUntilItIsAsItWas() {
        var inUse = ConfigurationInUse(load(8080))
        let paths = { inUse.changes(to: $0).map(\.path) }
        #expect(paths(load(8080)) == [])
        #expect(paths(load(8081)) == ["server.port"])
        inUse.use(load(8081))
        #expect(paths(load(8081)) == ["server.port"])
        #expect(inUse.isUnchanged(by: load(8081)))
        #expect(paths(load(8081, stages: "{ use: counted }")).first == "server.port")
        #expect(paths(load(8080)) == [])
        #expect(!inUse.isUnchanged(by: load(8080)))
    }

    /// A file is empty for a moment while it is written, and an empty one would ask nobody for a key.
    @Test func aFileThatSaysNothingAnyMoreIsNoConfiguration() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        func load(_ text: String) throws -> LoadedSettings {
            try Data(text.utf8).write(to: file)
            return try SettingsLoader.load(path: file.path, environment: [:], catalog: StageCatalog([]))
        }
        let inUse = ConfigurationInUse(try load("log: { level: error }"))
        let problem =
            "nothing stands in \(file.path) any more, as when it is just being written; write {} there if that is meant"
        #expect(inUse.emptied(by: try load("")) == problem)
        #expect(inUse.emptied(by: try load("# soon\n")) == problem)
        #expect(inUse.emptied(by: try load("{}")) == nil)
        // Started so, it may stay so.
        #expect(ConfigurationInUse(try load("")).emptied(by: try load("# nothing\n")) == nil)
    }

    /// A container that lacks a mount finds an empty folder in its place.
    @Test func aFileThatBecameAnEmptyFolderIsMissed() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        func write(_ text: String, _ name: String) throws -> URL {
            let file = folder.appending(path: name)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
            return file
        }
        let main = try write("include: [gateways.yaml, more]\n", "config.yaml")
        let gateways = try write("gateways: [ { id: a, url: \"ws://127.0.0.1\" } ]\n", "gateways.yaml")
        let more = try write("log: { level: error }\n", "more/log.yaml")
        func load() throws -> LoadedSettings {
            try SettingsLoader.load(path: main.path, environment: [:], catalog: StageCatalog([]))
        }
        func problem(_ name: String) -> String {
            "no file that ends in .yaml or .yml stands in the folder \(folder.path)/\(name) any more, as when what belongs there is "
                + "not mounted; if that is meant, write {} into a file there, or take it out of `include`"
        }
        let inUse = ConfigurationInUse(try load())
        try FileManager.default.removeItem(at: more)
        #expect(inUse.emptied(by: try load()) == problem("more"))
        _ = try write("{}", "more/nothing.yml")
        #expect(inUse.emptied(by: try load()) == nil)
        try FileManager.default.removeItem(at: gateways)
        try FileManager.default.createDirectory(at: gateways, withIntermediateDirectories: false)
        #expect(inUse.emptied(by: try load()) == problem("gateways.yaml"))
        // Started so, it may stay so.
        #expect(ConfigurationInUse(try load()).emptied(by: try load()) == nil)
    }

    /// `{}` would be taken for the secret.
    @Test func anEmptiedSecretIsToBeWrittenAgain() throws {
        let secret = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: secret) }
        func load(_ text: String) throws -> LoadedSettings {
            try Data(text.utf8).write(to: secret)
            let file = "gateways: [ { id: a, url: \"ws://127.0.0.1\", token: \"${file:\(secret.path)}\" } ]\n"
            return SettingsLoader.load(
                text: Array(file.utf8), file: "c", environment: [:], catalog: StageCatalog([]))
        }
        let inUse = ConfigurationInUse(try load("x"))
        let problem = try #require(inUse.emptied(by: try load("\n")))
        #expect(
            problem
                == "nothing stands in \(secret.path) any more, as when it is just being written; write the value into it, "
                + "or take its `${file:…}` out of the configuration")
        #expect(inUse.emptied(by: try load("y")) == nil)
    }

    @Test func theReportSaysWhatIsInUse() {
        var report = ReloadReport(outcome: .possible, generation: 3)
        #expect(report.summary == "the configuration can be used; generation 3 is in use now")
        report.changes = ConfigurationInUse(load(1)).changes(to: load(2))
        report.outcome = .unchanged
        #expect(report.summary == "the configuration has not changed; a restart is needed for server.port")
        report.changes = []
        report.followsFailure = true
        #expect(report.summary == "all is well again: the configuration has not changed")
        report.hasNewCertificate = true
        report.followsFailure = false
        #expect(report.summary == "the configuration has not changed, and a new certificate is in use")
    }
}

/// What comes while something is under way.
@Suite struct TurnsTests {
    @Test(.timeLimit(.minutes(1))) func allWhoAskMeanwhileShareTheNextOne() async {
        let (turns, log) = (Turns<Bool, Int>(), Shared<[String]>([]))
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        func work(_ name: String) -> @Sendable () async -> Int {
            {
                log.change { $0.append(name) }
                if name == "first" { for await _ in gate {} }
                return log.value.count
            }
        }
        async let first = turns.take(false, work("first"))
        while log.value.isEmpty { await Task.yield() }
        async let second = turns.take(false, work("second"))
        while await turns.waitingCount < 1 { await Task.yield() }
        async let third = turns.take(false, work("third"))
        async let other = turns.take(true, work("other kind"))
        while await turns.waitingCount < 2 { await Task.yield() }
        for _ in 1...100 { await Task.yield() }
        #expect(log.value == ["first"])
        open.finish()
        #expect(await [first, second, third, other] == [1, 2, 2, 3])
        #expect(log.value == ["first", "second", "other kind"])
        #expect(await turns.take(false, work("later")) == 4)
    }

    @Test(.timeLimit(.minutes(1))) func allAreCancelledTogether() async {
        let (turns, hasBegun) = (Turns<Bool, Bool>(), Shared(false))
        let work: @Sendable () async -> Bool = {
            hasBegun.change { $0 = true }
            while !Task.isCancelled { await Task.yield() }
            return true
        }
        async let first = turns.take(false, work)
        while !hasBegun.value { await Task.yield() }
        async let second = turns.take(false, work)
        while await turns.waitingCount < 1 { await Task.yield() }
        await turns.cancel()
        #expect(await [first, second] == [true, true])
    }
}

/// A value that several tasks use.
final class Shared<Value: Sendable>: Sendable {
    private let state: Mutex<Value>
    init(_ value: Value) { state = Mutex(value) }
    var value: Value { state.withLock { $0 } }
    func change(_ body: (inout Value) -> Void) { state.withLock { body(&$0) } }
}

/// Makes stages that are counted.
enum CountedPlugin: MiddlewarePlugin {
    struct Options: OptionGroup {
        var number = 0
        var fails = false
        var hangs = false
        static let options: [Option<Self>] = [
            Option("number", \.number, help: "Makes one stage differ from another."),
            Option("fails", \.fails, help: "The stage cannot be made."),
            Option("hangs", \.hangs, help: "The stage is not made before it is let go."),
        ]
    }

    /// How many stages there are and were.
    final class Life: Sendable {
        private struct State {
            var made = 0
            var alive = 0
            var backgroundRuns = 0
            var isLetGo = false
            var waiters: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
        }

        private let state = Mutex(State())

        var made: Int { state.withLock { $0.made } }
        var alive: Int { state.withLock { $0.alive } }
        var backgroundRuns: Int { state.withLock { $0.backgroundRuns } }

        func begin() { state.withLock { ($0.made, $0.alive) = ($0.made + 1, $0.alive + 1) } }
        /// Ignores that it is cancelled.
        func hang() async { while !state.withLock({ $0.isLetGo }) { await Task.yield() } }
        func letGo() { state.withLock { $0.isLetGo = true } }

        func runInBackground() { state.withLock { $0.backgroundRuns += 1 } }

        func end() {
            let ready = state.withLock { state in
                state.alive -= 1
                let ready = state.waiters.filter { $0.count == state.alive }
                state.waiters.removeAll { $0.count == state.alive }
                return ready
            }
            for waiter in ready { waiter.continuation.resume() }
        }

        func wait(untilAlive count: Int) async {
            await withCheckedContinuation { continuation in
                let isThere = state.withLock { state in
                    if state.alive != count { state.waiters.append((count, continuation)) }
                    return state.alive == count
                }
                if isThere { continuation.resume() }
            }
        }
    }

    struct CannotBeMade: Error {}

    struct Counted: BackgroundStage {
        let life: Life
        func run() async { life.runInBackground() }
        func cleanup() async { life.end() }
    }

    @TaskLocal static var life = Life()
    static let kind = "counted"
    static let summary = "Is counted."

    static func provision(_ options: Options, in context: ProvisionContext) async throws -> any Middleware {
        if options.fails { throw CannotBeMade() }
        if options.hangs { await life.hang() }
        life.begin()
        return Counted(life: life)
    }
}
