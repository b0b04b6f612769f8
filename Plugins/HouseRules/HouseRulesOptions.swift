import MiddlewareKit

/// The `with` block of `house-rules`.
struct HouseRulesOptions: OptionGroup {
    var maxLength = 2000
    var notice = ""

    static let options: [Option<Self>] = [
        Option("max-length", \.maxLength, help: "How many characters a message may have.", range: 1...100_000),
        Option("notice", \.notice, help: "A line below each reply; none when empty."),
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
