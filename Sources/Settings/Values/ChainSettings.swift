package import MiddlewareKit

/// One entry of `chains:`: another list of stages than `pipeline:`, whole or as a change to one.
package struct ChainSettings: OptionGroup {
    package var extends: Located<String>?
    package var stages: [StageEntry]?
    package var insert: [InsertSettings] = []
    package var remove: [Located<String>] = []
    package var override: [String: StageOptionsNode] = [:]

    package init() {}

    package static let options: [Option<Self>] = [
        Option(
            "extends", \.extends,
            help: "The chain that this one changes: the name of another, or `pipeline`, which it is when left out."),
        Option("stages", \.stages, help: "The stages of the chain, instead of those of another."),
        Option(
            "insert", \.insert, help: "Stages to add, and where.",
            example: "[ { after: auth, stages: [ { use: filter, with: { words: [secret] } } ] } ]"),
        Option("remove", \.remove, help: "The names of stages to leave out.", example: "[analytics]"),
        Option(
            "override", \.override,
            help: "What to change in the entries of stages, by their names; of `with`, the options that are named.",
            example: "{ rate-limit: { mode: shadow } }"),
    ]
}

/// One entry of `insert:`.
package struct InsertSettings: OptionGroup {
    package var before: Located<String>?
    package var after: Located<String>?
    package var stages: [StageEntry] = []

    package init() {}

    package static let options: [Option<Self>] = [
        Option("before", \.before, help: "The name of the stage above which the new ones stand."),
        Option("after", \.after, help: "The name of the stage below which the new ones stand."),
        Option("stages", \.stages, help: "The new stages.", isRequired: true),
    ]
}

/// One entry of `attach:`: who gets which chain.
package struct AttachSettings: OptionGroup {
    package var chain = Located("")
    package var when: Located<Condition>?

    package init() {}

    package static let options: [Option<Self>] = [
        Option("chain", \.chain, help: "The name of the chain.", example: "support", isRequired: true),
        Option(
            "when", \.when,
            help: "A condition on gateway, agent, model, session, user, groups and ip; for all when left out.",
            example: "gateway == home and staff in groups"),
    ]
}
