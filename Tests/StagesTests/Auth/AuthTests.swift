import InMemoryLogging
import Logging
import MiddlewareKit
import MiddlewareTesting
import Synchronization
import Testing

@testable import Stages

@Suite struct AuthTests {
    private let time = ManualTime()
    private let store = InMemoryKeyStore([.sample(), .sample(id: "revokedkey", isRevoked: true)])

    private func send(_ credential: String?, kind: MessageKind = .chat) async -> StageHarness.Outcome<InboundMessage> {
        let harness = StageHarness(KeyAuth(keys: KeyCache(store: store, time: time)))
        return await harness.send(
            Sample.message(kind), context: Sample.context(credential: credential.map { Credential($0) }))
    }

    @Test(arguments: MessageKind.allCases)
    func aGoodKeySaysWhoIsThere(kind: MessageKind) async {
        #expect(await send(.sampleKey, kind: kind).context?.principal == Principal(user: "ada"))
    }

    @Test func theOptionsSayWhichGroupsAUserBelongsTo() async throws {
        var options = AuthOptions()
        options.mode = .apiKeys
        options.groups = ["staff": ["ada", "bob"], "night": ["ada"], "others": ["eve"]]
        let stage = try await AuthPlugin.provision(options, in: Sample.provision(keys: store, time: time))
        let outcome = await StageHarness(stage).send(
            Sample.chat(), context: Sample.context(credential: Credential(.sampleKey)))
        #expect(outcome.context?.principal?.groups == ["staff", "night"])
    }

    @Test func aPrincipalFromElsewhereCountsForNothing() async {
        let harness = StageHarness(KeyAuth(keys: KeyCache(store: store, time: time)))
        let claimed = Sample.context(principal: Principal(user: "root", isAdministrator: true))
        #expect(await harness.send(Sample.chat(), context: claimed).rejection?.code == "unauthorized")
        var shown = claimed
        shown.credential = Credential(.sampleKey)
        #expect(await harness.send(Sample.chat(), context: shown).context?.principal == Principal(user: "ada"))
    }

    @Test(arguments: [
        nil, "", "nonsense", "sluice_aabbccdd0011_wrongwrongwrongwrongwrong",
        "sluice_ffffffffffff_\(String.sampleSecret)",
        "sluice_revokedkey_\(String.sampleSecret)",
    ])
    func everythingElseIsTurnedAwayWithTheSameWords(credential: String?) async {
        let rejection = await send(credential).rejection
        #expect(rejection?.code == "unauthorized")
        #expect(rejection?.message.contains("sluice key create --user NAME") == true)
        #expect(rejection == (await send(nil, kind: .connect).rejection))
    }

    @Test func aRevokedKeyStopsWorkingWithinSeconds() async {
        let harness = StageHarness(KeyAuth(keys: KeyCache(store: store, time: time)))
        let context = Sample.context(credential: Credential(.sampleKey))
        #expect(await harness.send(Sample.chat(), context: context).message != nil)
        store.set(.sample(isRevoked: true))
        time.advance(by: .seconds(5))
        #expect(await harness.send(Sample.chat(), context: context).rejection?.code == "unauthorized")
    }

    @Test func aStoreThatFailsLetsNobodyIn() async {
        store.fail(with: StorageFailure(reason: .locked, description: "the database is locked"))
        guard case .failed(is StorageFailure) = await send(.sampleKey) else {
            Issue.record("it must fail")
            return
        }
    }

    @Test func theLogTellsTheCauseAndNothingOfTheSecret() async {
        let log = InMemoryLogHandler()
        var context = Sample.context(credential: Credential("sluice_aabbccdd0011_wrongwrongwrongwrongwrong"))
        context.logger = Logger(label: "test") { _ in log }
        context.logger.logLevel = .debug
        _ = await StageHarness(KeyAuth(keys: KeyCache(store: store, time: time))).send(Sample.chat(), context: context)
        #expect(log.entries.map(\.message) == ["access denied: the secret of key aabbccdd0011 is wrong"])
    }

    @Test func withoutKeysEverybodyIsNobody() async {
        let outcome = await StageHarness(AnonymousAuth()).send(Sample.chat())
        #expect(outcome.context?.principal == .anonymous)
    }

    @Test func itTakesPartInwardsOnly() {
        let inwards = StagePaths(inbound: Set(MessageKind.allCases))
        #expect(AnonymousAuth().handles == inwards)
        #expect(KeyAuth(keys: KeyCache(store: store, time: time)).handles == inwards)
    }

    @Test func keepsThePromises() async {
        #expect(await MiddlewareCompatibility.violations(of: AnonymousAuth()) == [])
        let stage = KeyAuth(keys: KeyCache(store: store, time: time))
        let context = Sample.context(credential: Credential(.sampleKey))
        #expect(await MiddlewareCompatibility.violations(of: stage, context: context) == [])
        #expect(await MiddlewareCompatibility.violations(of: stage) == [])
    }
}
