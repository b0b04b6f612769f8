package import MiddlewareKit

/// The `with` block of a thinking-strip stage.
package struct ThinkingStripOptions: OptionGroup, Hashable {
    /// What to do with text after a tag that is never closed.
    package enum Mode: String, OptionChoice {
        /// It is dropped, unless nothing else would be left of the reply.
        case strict
        /// What follows the last tag is kept.
        case preserve
    }

    /// Where white space is removed. It only is from texts that hold a tag.
    package enum Trim: String, OptionChoice {
        case both, start, none
    }

    /// Which opening tags count.
    package enum Scope: String, OptionChoice {
        case all
        /// One that comes after visible text only counts if some tag closes after it.
        case leading
    }

    /// What to do with structured thinking blocks beside the text.
    package enum Blocks: String, OptionChoice {
        case drop, keep
    }

    package var mode = Mode.strict
    package var trim = Trim.both
    package var scope = Scope.all
    package var blocks = Blocks.drop

    package init() {}

    package init(mode: Mode = .strict, trim: Trim = .both, scope: Scope = .all, blocks: Blocks = .drop) {
        self.mode = mode
        self.trim = trim
        self.scope = scope
        self.blocks = blocks
    }

    package static var options: [Option<Self>] {
        [
            Option(
                "mode", \.mode,
                help:
                    "Text after a tag that is never closed: strict drops it, preserve keeps what follows the last tag."),
            Option(
                "trim", \.trim,
                help: "Where to remove white space from a reply that holds a tag; others are never touched."),
            Option(
                "scope", \.scope,
                help: "With `leading`, an opening tag after visible text is plain text unless a closing tag follows."),
            Option("blocks", \.blocks, help: "What to do with structured thinking blocks beside the text of a reply."),
        ]
    }
}
