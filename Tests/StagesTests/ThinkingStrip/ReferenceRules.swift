@testable import Stages

/// The rules for thinking tags on the whole text, one by one and with no thought of speed: what ``ThinkingFilter`` must
/// do.
struct ReferenceRules {
    struct Result {
        var text: String
        /// All text that stood outside of blocks, also what an orphan dropped later: nothing else may ever be shown.
        var everKept: String
    }

    private struct Tag {
        let range: Range<Int>
        let kind: TagKind
    }

    private typealias Text = [Unicode.Scalar]

    var options = ThinkingStripOptions()

    func strip(_ string: String) -> Result {
        let text = Text(string.unicodeScalars)
        // Rule 1.
        let finals = tags(in: text, parse: finalTag)
        if finals.isEmpty && tags(in: text, parse: reasoningTag).isEmpty {
            return Result(text: string, everKept: string)
        }
        // Rule 4.
        var cleaned = text
        for tag in outsideCode(finals, in: text).reversed() { cleaned.removeSubrange(tag.range) }
        // Rules 5 to 9.
        let (kept, everKept) = walk(outsideCode(tags(in: cleaned, parse: reasoningTag), in: cleaned), in: cleaned)
        return Result(text: self.string(kept), everKept: self.string(everKept))
    }

    // MARK: Rules 5 to 9

    private func walk(_ tags: [Tag], in text: Text) -> (kept: Text, everKept: Text) {
        var kept = Text()
        var everKept = Text()
        var last = 0
        var depth = 0
        var firstUnclosed = 0
        func keep(_ part: ArraySlice<Unicode.Scalar>) {
            kept += part
            everKept += part
        }
        for (index, tag) in tags.enumerated() {
            let before = text[last..<tag.range.lowerBound]
            if depth == 0 {
                keep(before)
                switch tag.kind {
                case .selfClosing: break
                case .opening:
                    let isClosedLater = tags[(index + 1)...].contains { $0.kind == .closing }
                    if options.scope == .leading, !isBlank(kept[...]), !isClosedLater {
                        keep(text[tag.range.lowerBound...])
                        return (trimmed(kept), everKept)
                    }
                    depth = 1
                    firstUnclosed = tag.range.upperBound
                case .closing:
                    if !isBlank(before), !isBlank(text[tag.range.upperBound...]) { kept = [] }
                }
            } else {
                switch tag.kind {
                case .selfClosing: break
                case .opening: depth += 1
                case .closing: depth -= 1
                }
            }
            last = tag.range.upperBound
        }
        if depth == 0 || options.mode == .preserve { keep(text[last...]) }
        kept = trimmed(kept)
        if depth > 0, options.mode == .strict, kept.isEmpty {
            kept = trimmed(Text(text[firstUnclosed...]))
            everKept += text[firstUnclosed...]
        }
        return (kept, everKept)
    }

    private func trimmed(_ text: Text) -> Text {
        var text = text[...]
        if options.trim != .none { text = text.drop(while: isWhiteSpace) }
        if options.trim == .both {
            while let last = text.last, isWhiteSpace(last) { text.removeLast() }
        }
        return Text(text)
    }

    // MARK: Rules 2 and 4: tags

    /// Each `<` up to the next `>`, if no other `<` comes first, of which `parse` makes a tag.
    private func tags(in text: Text, parse: (Text) -> TagKind?) -> [Tag] {
        text.indices.filter { text[$0] == "<" }.compactMap { start in
            guard let end = text[(start + 1)...].firstIndex(where: { $0 == "<" || $0 == ">" }), text[end] == ">" else {
                return nil
            }
            return parse(Text(text[(start + 1)..<end])).map { Tag(range: start..<end + 1, kind: $0) }
        }
    }

    /// - Parameter body: What stands between `<` and `>`.
    private func reasoningTag(_ body: Text) -> TagKind? {
        let (isClosing, rest) = head(body)
        let names =
            ["", "antml:", "mm:"].flatMap { prefix in ["think", "thinking", "thought"].map { prefix + $0 } }
            + ["antthinking"]
        let isTag = names.contains { name in
            guard let after = drop(name, from: rest) else { return false }
            return after.first.map { !isWordCharacter($0) } ?? true
        }
        guard isTag else { return nil }
        if isClosing { return .closing }
        return rest.last(where: { !isWhiteSpace($0) }) == "/" ? .selfClosing : .opening
    }

    private func finalTag(_ body: Text) -> TagKind? {
        let (isClosing, rest) = head(body)
        guard var after = drop("final", from: rest) else { return nil }
        if let first = after.first, first != "/", !isWhiteSpace(first) { return nil }
        while let last = after.last, isWhiteSpace(last) { after.removeLast() }
        if isClosing { return after.isEmpty ? .closing : nil }
        let isSelfClosing = after.last == "/"
        if isSelfClosing { after.removeLast() }
        return areAttributes(after[...]) ? (isSelfClosing ? .selfClosing : .opening) : nil
    }

    private func areAttributes(_ text: ArraySlice<Unicode.Scalar>) -> Bool {
        var rest = text.drop(while: isWhiteSpace)
        guard !rest.isEmpty else { return true }
        let name = rest.prefix { $0 != "=" && !isWhiteSpace($0) }
        if name.isEmpty || name.contains(where: { "/\"'".unicodeScalars.contains($0) }) { return false }
        rest = rest.dropFirst(name.count).drop(while: isWhiteSpace)
        guard rest.first == "=" else { return areAttributes(rest) }
        rest = rest.dropFirst().drop(while: isWhiteSpace)
        if let quote = rest.first, quote == "\"" || quote == "'" {
            guard let end = rest.dropFirst().firstIndex(of: quote) else { return false }
            return areAttributes(rest[(end + 1)...])
        }
        let value = rest.prefix { !isWhiteSpace($0) }
        if value.isEmpty || value.contains(where: { $0 == "\"" || $0 == "'" }) { return false }
        return areAttributes(rest.dropFirst(value.count))
    }

    /// Takes the slash of a closing tag and the white space around it from the body of a tag.
    private func head(_ body: Text) -> (isClosing: Bool, rest: Text) {
        let rest = body.drop(while: isWhiteSpace)
        guard rest.first == "/" else { return (false, Text(rest)) }
        return (true, Text(rest.dropFirst().drop(while: isWhiteSpace)))
    }

    /// The text after the word, which may stand in any case.
    private func drop(_ word: String, from text: Text) -> Text? {
        let start = text.prefix(word.unicodeScalars.count)
        guard start.allSatisfy(\.isASCII), string(Text(start)).lowercased() == word else { return nil }
        return Text(text.dropFirst(start.count))
    }

    // MARK: Rule 3: code

    private func outsideCode(_ tags: [Tag], in text: Text) -> [Tag] {
        let regions = fences(in: text) + inlineCode(in: text)
        return tags.filter { tag in !regions.contains { $0.contains(tag.range.lowerBound) } }
    }

    private func fences(in text: Text) -> [Range<Int>] {
        var regions: [Range<Int>] = []
        var open: (start: Int, mark: Text)?
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        for line in lines {
            let mark = Text(line.prefix(3))
            guard mark == ["`", "`", "`"] || mark == ["~", "~", "~"] else { continue }
            if let fence = open {
                if fence.mark == mark {
                    regions.append(fence.start..<line.startIndex + 3)
                    open = nil
                }
            } else if line.endIndex < text.endIndex {
                open = (line.startIndex, mark)
            }
        }
        if let open { regions.append(open.start..<text.count) }
        return regions
    }

    private func inlineCode(in text: Text) -> [Range<Int>] {
        var runs: [Range<Int>] = []
        for index in text.indices where text[index] == "`" {
            if let last = runs.last, last.upperBound == index {
                runs[runs.count - 1] = last.lowerBound..<index + 1
            } else {
                runs.append(index..<index + 1)
            }
        }
        var regions: [Range<Int>] = []
        while let run = runs.first {
            runs.removeFirst()
            guard let partner = runs.firstIndex(where: { $0.count == run.count }) else { continue }
            regions.append(run.lowerBound..<runs[partner].upperBound)
            runs.removeFirst(partner + 1)
        }
        return regions
    }

    // MARK: Characters

    private func isBlank(_ text: ArraySlice<Unicode.Scalar>) -> Bool { text.allSatisfy(isWhiteSpace) }

    /// What JavaScript calls white space.
    private func isWhiteSpace(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "\u{9}", "\u{A}", "\u{B}", "\u{C}", "\u{D}", "\u{2028}", "\u{2029}", "\u{FEFF}": true
        default: scalar.properties.generalCategory == .spaceSeparator
        }
    }

    private func isWordCharacter(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isASCII && (scalar == "_" || Character(scalar).isLetter || Character(scalar).isNumber)
    }

    private func string(_ text: Text) -> String {
        var result = String.UnicodeScalarView()
        result.append(contentsOf: text)
        return String(result)
    }
}
