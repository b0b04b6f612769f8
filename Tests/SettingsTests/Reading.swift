import Foundation
import MiddlewareKit
import Settings

/// Loads a text with the stages below as catalog.
func load(_ text: String, environment: [String: String] = [:], running: ServerSettings? = nil) -> LoadedSettings {
    SettingsLoader.load(
        text: Array(text.utf8), file: "c", environment: environment, catalog: catalog, running: running)
}

/// What a person would see of a text.
func findings(_ text: String, environment: [String: String] = [:]) -> [String] {
    load(text, environment: environment).findings.all.map(\.description)
}

/// A folder with configuration files, deleted with the value.
final class TemporaryFolder {
    let path = FileManager.default.temporaryDirectory.path + "/sluice-\(UUID().uuidString)"

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false) }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    @discardableResult
    func write(_ name: String, _ text: String) throws -> String {
        let file = URL(filePath: "\(path)/\(name)")
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
        return file.path
    }

    func delete(_ name: String) throws { try FileManager.default.removeItem(atPath: "\(path)/\(name)") }

    func load(environment: [String: String] = [:]) throws -> LoadedSettings {
        try SettingsLoader.load(path: path + "/config.yaml", environment: environment, catalog: catalog)
    }
}

let catalog = StageCatalog([
    FakeAuth.self, FakeStage<RateLimit>.self, FakeStage<ThinkingStrip>.self, FakeStage<Persist>.self,
])

struct PassThrough: Middleware {}

enum FakeAuth: MiddlewarePlugin {
    struct Options: OptionGroup {
        var mode = "none"
        var keys: [Secret] = []

        static let options: [Option<Self>] = [
            Option("mode", \.mode, help: "How."),
            Option("keys", \.keys, help: "The keys."),
        ]
    }

    static let kind = "auth"
    static let summary = "Asks who is there."
    static let mayFailOpen = false

    static func validate(_ options: Options, in environment: StageEnvironment) -> [OptionProblem] {
        options.mode == "none" && environment.isReachableByOthers
            ? [OptionProblem(key: "mode", message: "anybody can come in")] : []
    }

    static func isGate(_ options: Options) -> Bool { options.mode != "none" }

    static func advise(_ options: Options, at place: ChainPlace) -> [OptionProblem] {
        place.above.filter { $0 == "thinking-strip" }.map {
            OptionProblem(message: "it stands below \($0)", hint: "move it up")
        }
    }

    static func provision(_ options: Options, in context: ProvisionContext) async throws -> any Middleware {
        PassThrough()
    }
}

protocol FakeKind { static var kind: String { get } }
enum RateLimit: FakeKind { static let kind = "rate-limit" }
enum ThinkingStrip: FakeKind { static let kind = "thinking-strip" }
enum Persist: FakeKind { static let kind = "persist" }

/// A stage with one option.
enum FakeStage<Kind: FakeKind & Sendable>: MiddlewarePlugin {
    struct Options: OptionGroup {
        var size = 1
        static var options: [Option<Self>] { [Option("size", \.size, help: "How large.")] }
    }

    static var kind: String { Kind.kind }
    static var summary: String { "Does nothing." }
    static var defaultTimeout: Duration? { .seconds(3) }

    static func provision(_ options: Options, in context: ProvisionContext) async throws -> any Middleware {
        PassThrough()
    }
}
