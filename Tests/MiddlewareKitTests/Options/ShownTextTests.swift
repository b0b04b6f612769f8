import Testing

@testable import MiddlewareKit

/// What is shown of options that hold something from the environment.
@Suite struct ShownTextTests {
    private struct Inner: OptionGroup {
        var name = ""
        var size = 1
        static let options: [Option<Self>] = [
            Option("name", \.name, help: "A name."), Option("size", \.size, help: "A size."),
        ]
    }

    private struct Outer: OptionGroup {
        var words: [String] = []
        var keys: [Secret] = []
        var by: [String: Int] = [:]
        var inner: [Inner] = []
        var maybe: String?
        static let options: [Option<Self>] = [
            Option("words", \.words, help: "Words."), Option("keys", \.keys, help: "Keys."),
            Option("by", \.by, help: "Numbers."), Option("inner", \.inner, help: "Groups."),
            Option("maybe", \.maybe, help: "A word."),
        ]
    }

    private static let place = SourcePosition(file: "c", line: 1, column: 1)

    private static func text(_ text: String, _ isFilled: Bool = false) -> ConfigNode {
        ConfigNode(position: place, content: .scalar(text, isPlain: true), isFromEnvironment: isFilled)
    }

    private static func mapping(_ pairs: KeyValuePairs<String, ConfigNode>) -> ConfigNode {
        ConfigNode(position: place, content: .mapping(pairs.map { ($0.key, place, $0.value) }))
    }

    private static func list(_ nodes: ConfigNode...) -> ConfigNode {
        ConfigNode(position: place, content: .sequence(nodes))
    }

    @Test func onlyThePartsThatAreFromTheEnvironmentAreHidden() throws {
        var findings = Findings()
        let node = Self.mapping([
            "words": Self.list(Self.text("a"), Self.text("hidden", true)),
            "keys": Self.list(Self.text("hidden"), Self.text("hidden", true)),
            "by": Self.mapping(["x": Self.text("1"), "y": Self.text("2", true)]),
            "inner": Self.list(Self.mapping(["name": Self.text("hidden", true), "size": Self.text("3")])),
            "maybe": Self.text("hidden", true),
        ])
        let outer = try #require(Outer.read(node, findings: &findings))
        #expect(
            outer.shownText(from: node) == """
                { words: [a, <from the environment>], keys: [<redacted>, <from the environment>], \
                by: { x: 1, y: <from the environment> }, inner: [{ name: <from the environment>, size: 3 }], \
                maybe: <from the environment> }
                """)
        #expect(Outer().shownText(from: nil) == Outer().optionText)
    }
}
