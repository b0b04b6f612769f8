import JSON
import MiddlewareKit
import Testing

@testable import Settings

/// What variables hold stands in no words about a configuration.
@Suite struct HiddenValuesTests {
    private static let environment = [
        "E1": "hidden-first", "E2": "hidden-second", "E3": "hidden", "LONG": String(repeating: "hidden-", count: 20),
    ]

    /// All that a person or a program may see of a configuration.
    private func words(about text: String) -> [String] {
        let loaded = load(text, environment: Self.environment)
        let report = FindingReport(loaded)
        let facts = MessageFacts(direction: .inbound, kind: "chat", user: "hidden-second")
        let explanation = ChainExplanation(loaded.chains, facts, kind: nil)
        let changes = ConfigDiff.changes(from: load("pipeline: []"), to: loaded)
        return [report.text, report.json.encoded(), report.sarif(version: "1").encoded(), explanation.reason]
            + explanation.steps.flatMap { [$0.reason, $0.options, $0.details] }
            + loaded.chains.attachments.map(\.condition.description)
            + changes.flatMap { [$0.path, $0.before ?? "", $0.after ?? ""] }
    }

    @Test(arguments: [
        "pipeline: [ { use: auth }, { use: persist, when: 'user == \"${E2}\"' } ]",
        "pipeline: [ { use: auth }, { use: persist, when: 'user == \"${E2}' } ]",
        "pipeline: [ { use: auth }, { use: persist, when: 'kind == ${E2}' } ]",
        "pipeline: [ { use: auth }, { use: persist, when: 'kind == final and user == \"${E2}\"', timeout: \"${E1}\" } ]",
        "chains: { o: {} }\nattach: [ { chain: o, when: 'user == \"${E2}\"' } ]",
        "chains: { o: {} }\nattach: [ { chain: \"x${E2}\" } ]",
        "include: [\"${E1}.yaml\", \"/tmp/${E1}/${E2}\", \"${LONG}\"]",
        "pipeline: [ { use: \"${E1}\", with: { size: \"${E2}\" } }, { use: auth } ]",
        "pipeline: [ { use: auth, name: \"${E1} ${E2}\" }, { use: persist, name: \"${LONG}\" } ]",
        "gateways: [ { id: \"${E3}\", url: \"${E1}\" }, { id: \"${E3}\", url: \"ws://${E2}:nope\" } ]",
        "plugins: [ \"${E1}.so\" ]\nstorage: { path: \"${E1}/${E2}/${E3}\" }",
        "server: { port: \"${E1}\", host: \"${E2}\", tls: { key: \"${E3}\" } }",
        "pipeline: [ { use: auth, with: { mode: \"${E1}\", keys: [\"${E2}\"] } } ]",
    ])
    func nowhere(_ text: String) {
        for words in words(about: text) { #expect(!words.contains("hidden")) }
    }

    @Test func theFileIsRepeatedAsItIsWritten() throws {
        let text = "pipeline: [ { use: persist, when: 'user == \"${E2}\"' } ]\ninclude: [ \"${E1}.yaml\" ]\n"
        let findings = load(text, environment: Self.environment).findings.all
        #expect(findings.map(\.message) == ["cannot read ${E1}.yaml: there is no such file"])
        let condition = try #require(
            load(String(text.prefix { $0 != "\n" }), environment: Self.environment).stages.first?.entry.when)
        #expect(condition.description == "user == \"${E2}\"")
        #expect(condition.matches(MessageFacts(direction: .inbound, kind: "chat", user: "hidden-second")))
        #expect(condition.comparisons.map(\.value) == ["hidden-second"])
    }

    /// A stage knows nothing of where its options come from.
    @Test func whatAStageSaysIsRewrittenToo() {
        var fillings = Fillings()
        fillings.add("home", writtenAs: "${ID}")
        fillings.add("home-of-all", writtenAs: "${LONG}")
        fillings.add("", writtenAs: "${EMPTY}")
        #expect(fillings.hidden(in: "no gateway has the id `home` at home") == "no gateway has the id `${ID}` at home")
        #expect(fillings.hidden(in: "`home-of-all` and home-of-all.yaml") == "`${LONG}` and ${LONG}.yaml")
    }

    /// What was put in is not looked at again.
    @Test func eachPlaceIsRewrittenOnce() {
        var fillings = Fillings()
        fillings.add("secret-one", writtenAs: "${TOKEN_SECRET-TWO}")
        fillings.add("SECRET-TWO", writtenAs: "${OTHER}")
        #expect(fillings.hidden(in: "secret-one, SECRET-TWO") == "${TOKEN_SECRET-TWO}, ${OTHER}")
    }

    /// A variable may hold a word that findings use, and that file names and sentences are made of.
    @Test func ordinaryWordsStay() {
        var fillings = Fillings()
        fillings.ownWords = ["stages"]
        for (value, name) in [
            ("stages", "A"), ("folder", "B"), ("Server", "C"), ("secretly", "D"), ("s3cret-word", "E"),
        ] {
            fillings.add(value, writtenAs: "${\(name)}", isSecret: name >= "D")
        }
        let advice = "`use` of a stage below `stages` in /srv/stages/folder: Server, a folder of folders"
        #expect(fillings.hidden(in: advice) == advice)
        #expect(fillings.hidden(in: "there is no `folder`, `Server`") == "there is no `${B}`, `${C}`")
        #expect(fillings.hidden(in: "xs3cret-wordx, secretly. unsecretly") == "x${E}x, ${D}. unsecretly")
    }

    @Test(arguments: ["stages", "server", "folder", "readable"])
    func aFindingIsTheSameWhateverAVariableHolds(_ value: String) {
        func messages(_ value: String) -> [String] {
            findings(
                "gateways: [ { id: a, url: \"ws://127.0.0.1\", name: \"${NAME}\" } ]\ninclude: [nowhere.yaml]\n"
                    + "stages: { x: { use: y }, y: { use: auth } }\nlog: { levl: info }\nserver: { port: x }\n",
                environment: ["NAME": value])
        }
        #expect(messages(value) == messages("another-1"))
        #expect(messages(value).contains { $0.contains("below `stages`") })
    }

    /// Its value may be any word.
    @Test func whatStandsForASecretIsKnown() throws {
        let folder = try TemporaryFolder()
        try folder.write("word", "enormous\n")
        try folder.write(
            "config.yaml",
            "gateways: [ { id: a, url: \"ws://127.0.0.1\", token: \"x ${WORD}\", name: \"${file:word}\" } ]\nstorage: { path: \"${PLACE}\" }\n"
        )
        let loaded = try folder.load(environment: ["WORD": "gigantic", "PLACE": "somewhere"])
        #expect(
            loaded.hidingValues(in: "gigantic, x gigantic, enormous, somewhere")
                == "${WORD}, x ${WORD}, ${file:word}, somewhere")
    }

    /// Not by what parts of its path may look like.
    @Test func aFileIsCalledWhatItIsCalled() throws {
        let folder = try TemporaryFolder()
        let name = try #require(folder.path.split(separator: "/").last)
        try folder.write("hidden-first.yaml", "server: { prot: 1 }\n")
        try folder.write("config.yaml", "include: [ \"${E1}.yaml\" ]\nlog: { level: \"${FOLDER}\" }\n")
        var environment = Self.environment
        environment["FOLDER"] = String(name)
        let loaded = try folder.load(environment: environment)
        #expect(
            Set(loaded.findings.all.map(\.position.file))
                == ["\(folder.path)/config.yaml", "\(folder.path)/${E1}.yaml"])
        #expect(loaded.paths.map(loaded.shownName) == ["\(folder.path)/config.yaml", "\(folder.path)/${E1}.yaml"])
    }

    @Test func anIncludedFileGoesByItsWrittenName() throws {
        let folder = try TemporaryFolder()
        try folder.write("hidden-first.yaml", "server: { prot: 1 }\n")
        try folder.write("config.yaml", "include: [ \"${E1}.yaml\" ]\n")
        let loaded = try folder.load(environment: Self.environment)
        let report = FindingReport(loaded).text
        #expect(!report.contains("hidden-first"))
        #expect(report.contains("${E1}.yaml:1:11: error: `prot`"))
        #expect(report.contains("| server: { prot: 1 }"))
    }
}

/// A server that goes on with a configuration may listen where others reach it, whatever the configuration says.
@Suite struct ReachTests {
    private func errors(_ text: String, _ host: String?) -> [String] {
        load(text, running: host.map { server($0) }).findings.all.filter { $0.severity == .error }.map(\.message)
    }

    private func server(_ host: String, proxies: [IPNetwork] = []) -> ServerSettings {
        var server = ServerSettings()
        (server.host, server.trustedProxies) = (host, proxies)
        return server
    }

    @Test func theAddressOfTheStartCountsUntilTheNext() {
        let quiet = "server: { host: 127.0.0.1 }\npipeline: [ { use: auth, with: { mode: none } } ]\n"
        #expect(errors(quiet, nil) == [])
        #expect(errors(quiet, "127.0.0.1") == [])
        #expect(errors(quiet, "0.0.0.0") == ["`mode`: anybody can come in"])
        #expect(errors("server: { host: 127.0.0.1 }\npipeline: []\n", "0.0.0.0").count == 1)
        #expect(
            errors("pipeline: []\n", "10.0.0.7") == [
                "other machines can reach 10.0.0.7, where the server listens until it is restarted, and no `auth` stage asks "
                    + "all of them who they are"
            ])
        #expect(errors("server: { host: 0.0.0.0 }\npipeline: []\n", "127.0.0.1").count == 1)
    }

    /// A proxy brings others, also to a server that listens on loopback only.
    @Test func aProxyBringsOthers() throws {
        let proxied = "server: { trusted-proxies: [127.0.0.1] }\n"
        let asks = "pipeline: [ { use: auth, with: { mode: keys } } ]\n"
        let words =
            "c:1:28: error: others reach the server through the proxies of `server.trusted-proxies`, and no `auth` stage "
            + "asks all of them who they are (add `- use: auth` without `when` at the top of the pipeline, or leave out "
            + "`server.trusted-proxies`)"
        #expect(findings(proxied + "pipeline: []\n") == [words])
        #expect(errors(proxied + "pipeline: [ { use: auth } ]\n", nil) == ["`mode`: anybody can come in"])
        #expect(errors(proxied, nil) == ["`mode`: anybody can come in"])
        #expect(errors(proxied + asks, nil) == [])
        // Until the restart the proxy is still believed.
        let running = server("127.0.0.1", proxies: [try #require(IPNetwork("127.0.0.1"))])
        let left = load("pipeline: []\n", running: running).findings.all.map(\.message)
        #expect(
            left == [
                "others reach the server through the proxies that it trusts until it is restarted, and no `auth` stage asks "
                    + "all of them who they are"
            ])
        #expect(load(asks, running: running).findings.all == [])
    }
}

@Suite struct EmptyFilesTests {
    @Test(arguments: ["", "\n \n", "# all is\n  # out\n", "---\n"])
    func filesThatSayNothingAreKnown(_ text: String) throws {
        let folder = try TemporaryFolder()
        let part = try folder.write("part.yaml", text)
        let secret = try folder.write("secret", "\n")
        let main = try folder.write(
            "config.yaml",
            "include: [part.yaml]\ngateways: [ { id: a, url: \"ws://127.0.0.1\", token: \"${file:secret}\" } ]\n")
        #expect(try folder.load().emptyFiles == [part])
        #expect(try folder.load().emptySecrets == [secret])
        try folder.write("part.yaml", "{}")
        try folder.write("secret", "x\n")
        #expect(try folder.load().emptyFiles == [])
        #expect(try folder.load().emptySecrets == [])
        try folder.write("config.yaml", text)
        #expect(try folder.load().emptyFiles == [main])
    }
}
