import MiddlewareKit
import Settings
import Testing

/// A running server is asked to go on with another configuration, in which nobody is asked for a key any more.
@Suite struct LostGateTests {
    private let folder: TemporaryFolder
    private static let asks = "pipeline: [ { use: auth, with: { mode: keys } } ]\n"

    init() throws {
        folder = try TemporaryFolder()
        try folder.write("config.yaml", "include: [conf.d]\nserver: { port: 0 }\n")
        try folder.write("conf.d/empty.yaml", "{}\n")
    }

    /// What is said against going on with what the folder holds now.
    private func problem(since old: LoadedSettings, environment: [String: String] = [:]) throws -> String? {
        let new = try folder.load(environment: environment)
        #expect(new.settings != nil)
        return old.lostGate(in: new)?.description
    }

    private func problem(line: Int, of part: String, at place: String) -> String {
        "\(folder.path)/config.yaml:\(place): error: no file says `pipeline` any more, and without it nobody is asked for a key; "
            + "the `auth` stage that asks now stood in \(folder.path)/conf.d/\(part), line \(line) (bring that back; where nobody "
            + "is to be asked, write `pipeline` out, with `mode: none` in its `auth` stage)"
    }

    @Test func aFileThatIsGoneTakesNoGateAway() throws {
        try folder.write("conf.d/auth.yaml", "# who\n" + Self.asks)
        let old = try folder.load()
        #expect(try problem(since: old) == nil)
        try folder.delete("conf.d/auth.yaml")
        #expect(try problem(since: old) == problem(line: 2, of: "auth.yaml", at: "1:10"))
        for text in ["{}\n", "", "pipeline:\n", "log: { level: error }\n"] {
            try folder.write("conf.d/auth.yaml", text)
            #expect(try problem(since: old) != nil, "\(text)")
        }
        // A configuration that asks nobody may go on so.
        let open = try folder.load()
        #expect(try problem(since: open) == nil)
        try folder.write("config.yaml", "include: [conf.d]\npipeline:\n")
        #expect(try problem(since: old) == problem(line: 2, of: "auth.yaml", at: "2:10"))
    }

    @Test(arguments: ["pipeline: []\n", "pipeline: [ { use: auth, with: { mode: none } } ]\n", asks])
    func whatIsWrittenOutIsMeant(_ pipeline: String) throws {
        try folder.write("conf.d/auth.yaml", Self.asks)
        let old = try folder.load()
        try folder.delete("conf.d/auth.yaml")
        try folder.write("config.yaml", "include: [conf.d]\n" + pipeline)
        #expect(try problem(since: old) == nil)
    }

    /// The chain of a few is no gate for everybody else.
    @Test func anotherChainDoesNotStandForThePipeline() throws {
        let some = """
            attach: [ { chain: some, when: user == ada } ]
            chains: { some: { stages: [ { use: auth, with: { mode: keys } } ] } }
            """
        try folder.write("conf.d/chains.yaml", some)
        let chainOnly = try folder.load()
        try folder.write("conf.d/auth.yaml", Self.asks)
        let both = try folder.load()
        try folder.delete("conf.d/auth.yaml")
        #expect(try problem(since: both) == problem(line: 1, of: "auth.yaml", at: "1:10"))
        #expect(try problem(since: chainOnly) == nil)
        try folder.delete("conf.d/chains.yaml")
        #expect(try problem(since: chainOnly) == problem(line: 2, of: "chains.yaml", at: "1:10"))
    }

    @Test func theNameOfTheFileIsShownAsItWasWritten() throws {
        try folder.write("config.yaml", "include: [\"${PART}.yaml\"]\n")
        try folder.write("hidden-part.yaml", Self.asks)
        let old = try folder.load(environment: ["PART": "hidden-part"])
        try folder.write("empty.yaml", "{}\n")
        let problem = try #require(try problem(since: old, environment: ["PART": "empty"]))
        #expect(problem.contains("stood in \(folder.path)/${PART}.yaml, line 1"))
    }
}
