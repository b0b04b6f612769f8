import Foundation
import FoundationNetworking
import JSON
import OpenClawTesting
import Testing

/// Stages in libraries: built by the real binary, and loaded by it.
@Suite(.timeLimit(.minutes(3))) struct PluginTests {
    /// A stage that refuses what is longer than an option says, and puts a word below replies.
    private static func write(_ kind: String, word: String, in folder: URL) throws {
        let source = """
            import Logging
            import MiddlewareKit

            struct Options: OptionGroup {
                var limit = 100
                static let options: [Option<Self>] = [
                    Option("limit", \\.limit, help: "How many characters a message may have.", range: 1...1000)
                ]
            }

            enum ShortPlugin: MiddlewarePlugin {
                static let kind = "\(kind)"
                static let summary = "Keeps messages short."

                static func provision(_ options: Options, in context: ProvisionContext) async throws -> any Middleware {
                    context.logger.notice("made a stage that says \(word)")
                    return Short(limit: options.limit)
                }
            }
            """
        let stage = """
            import MiddlewareKit

            struct Short: Middleware {
                let limit: Int
                let handles = StagePaths(inbound: [.chat], replyText: true)

                func inbound(
                    _ message: InboundMessage, context: MessageContext, next: Next<InboundMessage>
                ) async throws {
                    guard message.text.count <= limit else { throw Rejection(code: "too_long", message: "Be short.") }
                    try await next(message, context)
                }

                func makeReplyTransform(for run: Run) -> ReplyTransformKind? { .immediate(Word()) }
            }

            struct Word: ReplyTransform {
                mutating func feed(_ text: Substring) -> TextChange { .append(String(text)) }
                mutating func finish() -> TextChange { .append(" \(word)") }
            }
            """
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data(source.utf8).write(to: folder.appending(path: "Plugin.swift"))
        try Data(stage.utf8).write(to: folder.appending(path: "Short.swift"))
    }

    private static func build(_ name: String, in folder: URL) async throws {
        let result = try await SluiceProcess.run(["plugin", "build", name, "-o", "libraries/short.so"], in: folder)
        #expect(result.code == 0, "\(result.errors)")
        #expect(result.output == "libraries/short.so: short\n")
    }

    /// A folder with the sources of a stage, and the library in `libraries/short.so`.
    private static func folder() async throws -> URL {
        let folder = try SluiceProcess.makeFolder()
        try write("short", word: "one", in: folder.appending(path: "My stages"))
        try FileManager.default.createDirectory(
            at: folder.appending(path: "libraries"), withIntermediateDirectories: false)
        try await build("My stages", in: folder)
        return folder
    }

    private static func write(_ text: String, in folder: URL) throws {
        try Data(text.utf8).write(to: folder.appending(path: "config.yaml"))
    }

    private static func ask(_ port: Int, _ path: String, method: String = "GET") async throws -> JSONValue {
        var request = URLRequest(url: try #require(URL(string: "http://127.0.0.1:\(port)\(path)")))
        request.httpMethod = method
        // A connection that is kept open holds up the server when it stops.
        let session = URLSession(configuration: .ephemeral)
        defer { session.invalidateAndCancel() }
        return try JSONValue(parsing: String(decoding: try await session.data(for: request).0, as: UTF8.self))
    }

    /// Reloads; the server may have noticed the change by itself already, or be about to.
    private static func reload(_ port: Int, to generation: Int) async throws {
        repeat {
            let answer = try await ask(port, "/api/config/reload", method: "POST")
            #expect(["applied", "unchanged"].contains(answer["outcome"]?.string), "\(answer.encoded())")
        } while try await ask(port, "/api/config")["generation"]?.int ?? 0 < generation
    }

    @Test func commandsKnowTheStagesOfALibrary() async throws {
        let folder = try await Self.folder()
        func run(_ arguments: String...) async throws -> (code: Int32, output: String, errors: String) {
            try await SluiceProcess.run(arguments, in: folder)
        }
        let inspected = try await run("plugin", "inspect", "libraries/short.so")
        #expect(inspected.code == 0)
        #expect(inspected.output.contains("short\n") && inspected.output.hasSuffix("It fits this Sluice.\n"))

        let pipeline = "plugins: [libraries]\npipeline: [ { use: short, with: { limit: 20 } }, { use: persist } ]\n"
        try Self.write(pipeline, in: folder)
        let good = try await run("check")
        #expect(good.code == 0 && good.output == "config.yaml is good: short -> persist\n")
        let explained = try await run("explain").output
        #expect(explained.contains("short: it meets everything") && explained.contains("with: { limit: 20 }"))
        let list = try await run("plugin", "list", "--config", "config.yaml").output
        #expect(list.contains("short") && list.contains("libraries/short.so") && list.contains("Keeps messages short."))
        #expect(try await !run("plugin", "list").output.contains("Keeps messages short."))
        let schema = try JSONValue(parsing: try await run("config", "schema", "--config", "config.yaml").output)
        #expect(schema.encoded().contains("How many characters a message may have. From 1 to 1000."))

        try Self.write(pipeline.replacing("limit", with: "limt"), in: folder)
        let bad = try await run("check")
        #expect(bad.code == 1)
        #expect(bad.errors.contains("config.yaml:2:35: error: `limt` is not an option here"), "\(bad.errors)")
        #expect(bad.errors.contains("did you mean `limit`?"))
    }

    @Test func librariesThatCannotBeUsedAreNamed() async throws {
        let folder = try await Self.folder()
        let library = try Data(contentsOf: folder.appending(path: "libraries/short.so"))
        func put(_ bytes: Data, _ name: String) throws { try bytes.write(to: folder.appending(path: name)) }
        var other = library
        let kit = try #require(other.range(of: Data(#""kit":"debug_"#.utf8)))
        other[kit.upperBound..<kit.upperBound + 4] = Data("beef".utf8)
        try put(other, "other.so")
        // A record that fits does not help when the code does not.
        var foreign = library
        let name = try #require(foreign.range(of: Data("_kit_debug_".utf8)))
        foreign[name.upperBound..<name.upperBound + 4] = Data("beef".utf8)
        try put(foreign, "foreign.so")
        try put(library.prefix(library.count / 4), "half.so")
        try put(Data("hello".utf8), "text.so")
        let paths = ["libraries/short.so", "other.so", "half.so", "text.so", "gone.so", "libraries", "foreign.so"]
        try Self.write(
            "plugins:\n" + paths.map { "  - \($0)\n" }.joined() + "pipeline: [ { use: short } ]\n", in: folder)
        let result = try await SluiceProcess.run(["check"], in: folder)
        #expect(result.code == 1)
        for line in [
            "config.yaml:3:5: error: other.so was built for Sluice",
            "     = build it again with the `sluice plugin build` of this Sluice",
            "config.yaml:4:5: error: half.so is cut short",
            "config.yaml:5:5: error: text.so is no library",
            "config.yaml:6:5: error: cannot read gone.so: there is no such file",
            "config.yaml:7:5: error: libraries/short.so is named twice; the first one is in line 2, column 5",
            "config.yaml:8:5: error: foreign.so does not fit this Sluice, which has no `$s13MiddlewareKit27_kit_debug_beef",
        ] {
            #expect(result.errors.contains(line), "\(result.errors)")
        }
        #expect(try await SluiceProcess.run(["plugin", "inspect", "other.so"], in: folder).code == 1)
        #expect(try await SluiceProcess.run(["plugin", "inspect", "gone.so"], in: folder).code == 2)
    }

    /// A library is added to a running server, and built again.
    @Test func aRunningServerTakesLibrariesAndNewBuildsOfThem() async throws {
        var options = FakeGateway.Options()
        options.sleep = { _ in }
        let gateway = FakeGateway(options: options)
        try await gateway.start()
        let folder = try await Self.folder()
        let configuration = "server: { port: 0 }\ngateways: [ { id: home, url: \"\(await gateway.url)\" } ]\n"
        let (server, port) = try await SluiceProcess.serve(
            in: folder, configuration: configuration + "pipeline: [ { use: persist } ]\n")
        let browser = try await BrowserClient.connect(port: port)
        let hello = try await browser.next(type: "hello")
        if hello["gateways"]?[0]?["connected"] != true {
            _ = try await browser.next { $0["type"] == "gateway" && $0["connected"] == true }
        }

        let loading =
            "plugins: [libraries/short.so]\npipeline: [ { use: short, with: { limit: 20 } }, { use: persist } ]\n"
        try Self.write(configuration + loading, in: folder)
        try await Self.reload(port, to: 2)
        let turn = try await browser.chat("hello", session: "agent:main:one", key: "run-1")
        #expect(turn.streamed == turn.finalText && turn.streamed.hasSuffix(" one"))
        let refused = try await browser.chat(
            "this is much too long", session: "agent:main:one", key: "run-2")
        #expect(refused.error?["code"] == "too_long")
        #expect(try await Self.ask(port, "/api/pipeline").encoded().contains(#""kind":"short""#))

        try Self.write("short", word: "two", in: folder.appending(path: "My stages"))
        try await Self.build("My stages", in: folder)
        try await Self.reload(port, to: 3)
        let later = try await browser.chat("hello", session: "agent:main:one", key: "run-3")
        #expect(later.streamed == later.finalText && later.streamed.hasSuffix(" two"))

        // A library that does not fit changes nothing.
        try Data("nonsense".utf8).write(to: folder.appending(path: "libraries/short.so"))
        let failed = try await Self.ask(port, "/api/config/reload", method: "POST")
        #expect(failed["outcome"] == "failed")
        #expect(failed["findings"]?[0]?["message"] == "libraries/short.so is no library")
        let last = try await browser.chat("hello", session: "agent:main:one", key: "run-4")
        #expect(last.streamed.hasSuffix(" two"))
        server.signal(SIGTERM)
        #expect(await server.wait() == 0)
        await gateway.stop()
    }

    /// What `sluice stage new` makes is a stage.
    @Test func aNewStageCompiles() async throws {
        let folder = try SluiceProcess.makeFolder()
        let without = try await SluiceProcess.run(["stage", "new", "my-rules"], in: folder)
        #expect(without.code == 1 && without.errors.contains("there is no folder Plugins"))
        try FileManager.default.createDirectory(
            at: folder.appending(path: "Plugins"), withIntermediateDirectories: false)
        let made = try await SluiceProcess.run(["stage", "new", "my-rules"], in: folder)
        #expect(made.code == 0, "\(made.errors)")
        #expect(
            made.output == """
                Plugins/MyRules/MyRules.swift
                Plugins/MyRules/MyRulesOptions.swift
                Tests/PluginsTests/MyRules/MyRulesTests.swift
                docs/stages/my-rules.md

                """)
        let built = try await SluiceProcess.run(["plugin", "build", "Plugins/MyRules"], in: folder)
        #expect(built.code == 0 && built.output == "MyRules.so: my-rules\n", "\(built.errors)")
        try Self.write("plugins: [MyRules.so]\npipeline: [ { use: my-rules, with: { notice: Hi. } } ]\n", in: folder)
        #expect(try await SluiceProcess.run(["check"], in: folder).output == "config.yaml is good: my-rules\n")

        let again = try await SluiceProcess.run(["stage", "new", "my-rules"], in: folder)
        #expect(again.code == 1 && again.errors.contains("is there already; nothing was changed"))
        let taken = try await SluiceProcess.run(["stage", "new", "persist"], in: folder)
        #expect(taken.code == 1 && taken.errors.contains("in Sluice itself"))
    }

    @Test func whatCannotBeBuiltIsSaid() async throws {
        let folder = try SluiceProcess.makeFolder()
        let stage = folder.appending(path: "Stage")
        try Self.write("short\" + \"er", word: "one", in: stage)
        let unclear = try await SluiceProcess.run(["plugin", "build", "Stage"], in: folder)
        #expect(unclear.code == 1)
        #expect(unclear.errors.contains("says that it holds `short`, but it holds `shorter`"), "\(unclear.errors)")

        try Data("import NIOCore\nlet wrong: Int = \"\"\n".utf8).write(to: stage.appending(path: "Wrong.swift"))
        let result = try await SluiceProcess.run(["plugin", "build", "Stage"], in: folder)
        #expect(result.code == 1)
        // Only the modules of the contract are to be seen.
        #expect(result.errors.contains("Wrong.swift:1:8: error: no such module 'NIOCore'"), "\(result.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "Stage.so").path))
    }
}
