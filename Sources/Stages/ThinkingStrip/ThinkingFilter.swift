package import MiddlewareKit

/// Removes reasoning tags and what they hide from the text of one run (OpenClaw protocol: thinking tags).
///
/// The text goes through four steps, each of which keeps back only what it cannot decide yet:
///
/// 1. a ``TagReader`` finds the `final` tags, which are cut out;
/// 2. another one finds the reasoning tags in what is left;
/// 3. ``ReasoningBlocks`` keeps the text outside of the blocks;
/// 4. ``VisibleText`` trims it and lets it out.
///
/// Time is linear in the length of the text, and so is what is kept. All steps work on UTF-8, for a piece may begin or
/// end within a character as a person sees it.
package struct ThinkingFilter: ReplyTransform {
    private var finalTags = TagReader(.final)
    private var reasoningTags = TagReader(.reasoning)
    private var blocks: ReasoningBlocks
    private var visible: VisibleText

    package init(_ options: ThinkingStripOptions = ThinkingStripOptions()) {
        blocks = ReasoningBlocks(options)
        visible = VisibleText(trim: options.trim)
    }

    package mutating func feed(_ text: Substring) -> TextChange {
        if canPass, isPlain(text, atStart: visible.isBlank) {
            finalTags.skip(text.utf8.count)
            reasoningTags.skip(text.utf8.count)
            blocks.noteText()
            return visible.pass(text)
        }
        let tagged = reasoningTags.read(finalTags.read(Array(text.utf8)).withoutTags)
        append(tagged)
        return visible.takeChange()
    }

    /// Not what it hides, which comes back only if nothing else is left of the reply.
    package var keptBack: Int? { finalTags.keptBack + reasoningTags.keptBack + visible.keptBack }

    package mutating func finish() -> TextChange { end(isCut: false) }

    /// A block that is still open was about to be closed: nothing of it is an answer.
    package mutating func breakOff() -> TextChange { end(isCut: true) }

    private mutating func end(isCut: Bool) -> TextChange {
        append(reasoningTags.read(finalTags.finish().withoutTags))
        append(reasoningTags.finish())
        if isCut { blocks.giveUpRescue() }
        blocks.finish(&visible)
        visible.finish()
        return visible.takeChange()
    }

    private mutating func append(_ text: TaggedText) {
        if finalTags.hasMetTag || reasoningTags.hasMetTag { visible.noteTag() }
        blocks.append(text, to: &visible)
    }

    /// No step keeps anything back.
    private var canPass: Bool {
        finalTags.canSkip && reasoningTags.canSkip && blocks.canPass && visible.canPass
    }
}

/// Whether the text cannot begin, end or protect a tag, and none of it is white space that may be trimmed.
private func isPlain(_ text: Substring, atStart: Bool) -> Bool {
    // The buffer spares most pieces of a reply a copy; it is not used beyond the closure.
    text.utf8.withContiguousStorageIfAvailable { bytes in
        !bytes.isEmpty && bytes.trailingWhiteSpace == 0 && !(atStart && bytes.whiteSpaceLength(at: 0) > 0)
            && !bytes.contains { $0 == .tagStart || $0 == .backtick || $0 == .tilde }
    } ?? false
}
