import MiddlewareKit
import MiddlewareTesting
import Testing

@Suite struct PluginOptionsTests {
    @Test func everyKindOfLiteralIsRead() {
        let (options, problems) = PluginOptions.read(
            ExamplePlugin.self,
            [
                "greeting": "hello", "times": 3, "share": 0.5, "is-loud": true, "names": ["a", "b"],
                "inner": ["times": 2],
            ])
        #expect(problems == [])
        #expect(options?.greeting == "hello")
        #expect(options?.times == 3)
        #expect(options?.share == 0.5)
        #expect(options?.isLoud == true)
        #expect(options?.names == ["a", "b"])
        #expect(options?.inner.times == 2)
    }

    @Test func whatIsWrongIsToldAsTheServerDoes() {
        #expect(
            PluginOptions.read(ExamplePlugin.self, ["greting": "hello"]).problems == [
                "`greting` is not an option here (did you mean `greeting`?)"
            ])
        #expect(
            PluginOptions.read(ExamplePlugin.self, ["greeting": ""]).problems == ["`greeting`: say something"])
        #expect(
            PluginOptions.read(ExamplePlugin.self, [:], isReachableByOthers: true).problems == ["not out there"])
    }
}

/// A plugin with an option of each kind.
enum ExamplePlugin: MiddlewarePlugin {
    struct Example: Middleware {
        let text: String
    }

    struct Inner: OptionGroup {
        var times = 1
        static let options: [Option<Self>] = [Option("times", \.times, help: "How often.")]
    }

    struct Options: OptionGroup {
        var greeting = "hello"
        var times = 1
        var share = 1.0
        var isLoud = false
        var names: [String] = []
        var inner = Inner()

        static let options: [Option<Self>] = [
            Option("greeting", \.greeting, help: "What to say."),
            Option("times", \.times, help: "How often."),
            Option("share", \.share, help: "How much."),
            Option("is-loud", \.isLoud, help: "How loud."),
            Option("names", \.names, help: "To whom."),
            Option("inner", \.inner, help: "More."),
        ]
    }

    static let kind = "example"
    static let summary = "Greets."

    static func validate(_ options: Options, in environment: StageEnvironment) -> [OptionProblem] {
        if environment.isReachableByOthers { return [OptionProblem(message: "not out there")] }
        return options.greeting.isEmpty ? [OptionProblem(key: "greeting", message: "say something")] : []
    }

    static func provision(_ options: Options, in context: ProvisionContext) async throws -> any Middleware {
        Example(text: "\(context.stageName) says \(options.greeting)")
    }
}
