/// The files that `sluice stage new` makes. What it makes for `house-rules` is part of the repository, built and tested.
package struct StageTemplate: Sendable {
    /// The word after `use:`.
    package let kind: String
    /// The kind in camel case: the name of the folder, and what its types begin with. They all have an end of their own, or a kind
    /// such as `string` would hide a type that other stages use.
    package let type: String

    /// Kinds whose types MiddlewareKit, the test kit or the tests in the same place have already, end and all.
    package static let taken: Set = [
        "background", "middleware", "plugin", "plugin-source", "stage-catalog", "stage-template",
    ]

    /// - Parameter kind: In kebab-case, and none of ``taken``; nil is returned for anything else.
    package init?(kind: String) {
        let words = kind.split(separator: "-", omittingEmptySubsequences: false)
        let isKebab = words.allSatisfy { word in
            !word.isEmpty && word.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) }
        }
        guard isKebab, kind.first?.isLetter == true, kind.utf8.count <= 40, !Self.taken.contains(kind) else {
            return nil
        }
        self.kind = kind
        type = words.map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    /// Paths from the root of the sources, and what is in the files.
    package var files: [(path: String, text: String)] {
        [
            ("Plugins/\(type)/\(type).swift", filled(Self.stage)),
            ("Plugins/\(type)/\(type)Options.swift", filled(Self.options)),
            ("Tests/PluginsTests/\(type)/\(type)Tests.swift", filled(Self.test)),
            ("docs/stages/\(kind).md", filled(Self.page)),
        ]
    }

    private func filled(_ text: String) -> String {
        text.replacing("house-rules", with: kind).replacing("HouseRules", with: type)
    }

    private static let stage = """
        import MiddlewareKit

        /// Refuses long messages, and puts a line below each reply.
        struct HouseRulesStage: Middleware {
            let options: HouseRulesOptions

            /// What it has to do with: replies only if there is a line to put below them.
            static func paths(_ options: HouseRulesOptions) -> StagePaths {
                StagePaths(inbound: [.chat], replyText: !options.notice.isEmpty)
            }

            var handles: StagePaths { Self.paths(options) }

            func inbound(_ message: InboundMessage, context: MessageContext, next: Next<InboundMessage>) async throws {
                guard message.text.count <= options.maxLength else {
                    throw Rejection(
                        code: "too_long", message: "Please keep messages below \\(options.maxLength) characters.")
                }
                try await next(message, context)
            }

            func makeReplyTransform(for run: Run) -> ReplyTransformKind? {
                .immediate(Notice(line: options.notice))
            }
        }

        /// Puts a line below a reply that is not empty.
        private struct Notice: ReplyTransform {
            let line: String
            private var isEmpty = true

            init(line: String) { self.line = line }

            mutating func feed(_ text: Substring) -> TextChange {
                if !text.isEmpty { isEmpty = false }
                return .append(String(text))
            }

            mutating func finish() -> TextChange { .append(isEmpty ? "" : "\\n\\n" + line) }
        }

        """

    private static let options = """
        import MiddlewareKit

        /// The `with` block of `house-rules`.
        struct HouseRulesOptions: OptionGroup {
            var maxLength = 2000
            var notice = ""

            static let options: [Option<Self>] = [
                Option("max-length", \\.maxLength, help: "How many characters a message may have.", range: 1...100_000),
                Option("notice", \\.notice, help: "A line below each reply; none when empty."),
            ]
        }

        /// Makes house-rules stages.
        enum HouseRulesPlugin: MiddlewarePlugin {
            static let kind = "house-rules"
            static let summary = "Refuses long messages, and puts a line below replies."

            static func handles(_ options: HouseRulesOptions) -> StagePaths? { HouseRulesStage.paths(options) }

            static func provision(_ options: HouseRulesOptions, in context: ProvisionContext) async throws -> any Middleware {
                HouseRulesStage(options: options)
            }
        }

        """

    private static let test = """
        import MiddlewareKit
        import MiddlewareTesting
        import Testing

        @testable import Plugins

        @Suite struct HouseRulesTests {
            private func harness(_ block: ConfigNode) async throws -> StageHarness {
                let options = try #require(PluginOptions.read(HouseRulesPlugin.self, block).options)
                return try await StageHarness(HouseRulesPlugin.self, options)
            }

            @Test func longMessagesAreRefused() async throws {
                let harness = try await harness(["max-length": 5])
                #expect(await harness.send(Sample.chat("hello")).message?.text == "hello")
                #expect(await harness.send(Sample.chat("hello!")).rejection?.code == "too_long")
            }

            @Test func aLineStandsBelowEachReply() async throws {
                let harness = try await harness(["notice": "Answered by a machine."])
                #expect(try await harness.stream(["It ", "is 4."]) == "It is 4.\\n\\nAnswered by a machine.")
                #expect(try await harness.stream([""]) == "")
            }

            @Test func keepsThePromises() async throws {
                let harness = try await harness(["notice": "Answered by a machine."])
                // Add what the transform looks for, if it looks for something: the texts of the kit do not hold it.
                let own = ["An answer with a word of your own."]
                #expect(await MiddlewareCompatibility.violations(of: harness.middleware, adding: own) == [])
            }

            @Test func isListedInTheCatalog() {
                #expect(CompiledInPlugins.all.contains { $0.kind == "house-rules" })
            }
        }

        """

    private static let page = """
        # house-rules

        Refuses long messages, and puts a line below each reply.

        ## Options

        | Name | Type | Default | Valid values | |
        |---|---|---|---|---|
        | `max-length` | integer | `2000` | 1 to 100000 | How many characters a message may have. |
        | `notice` | text | `""` | | A line below each reply; none when empty. |

        ## Example

        ```yaml
        pipeline:
          - use: auth
            with: { mode: none }
          - use: house-rules
            with: { max-length: 500, notice: "Answered by a machine." }
          - use: persist
        ```

        ## Where to place it

        Above `persist`, so that a refused message is not stored, and the line below a reply is.

        ## What clients see

        | Code | Message |
        |---|---|
        | `too_long` | Please keep messages below 500 characters. |

        """
}
