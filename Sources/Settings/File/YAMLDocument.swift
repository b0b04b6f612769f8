import MiddlewareKit
import Yams

/// The parsed text, before it is checked value by value.
struct YAMLDocument {
    /// Nil when the file holds nothing but comments.
    let root: Node?
    /// Keys that were changed for the parser, with the name that the file gives them.
    let renamedKeys: [SourcePosition: String]
    /// The nodes know their anchors only as long as the parser lives.
    private let parser: Parser?

    /// How many characters may be parsed again in all.
    private static let workLimit = 1 << 20

    /// Nil, and an error, when the text is no single YAML document without aliases.
    init?(source: SourceText, findings: inout Findings) {
        if let place = AliasScan.firstAlias(in: source) {
            let message = "aliases such as `&name` and `*name` are not supported"
            let hint = "write the value out, or put quotes around text that begins with `*`"
            findings.error(at: place, message, hint: hint)
            return nil
        }
        // The parser gives up at the first key that stands twice and names one place only. So that key is renamed and
        // the text parsed again: then both are in the tree, and whoever reads the mapping reports them with all others.
        var source = source
        var renamedKeys: [SourcePosition: String] = [:]
        while true {
            do {
                let parser = try Parser(yaml: source.text, resolver: .basic, encoding: .utf8)
                root = try parser.singleRoot()
                self.parser = parser
                self.renamedKeys = renamedKeys
                return
            } catch let YamlError.duplicatedKeysInMapping(names, context) {
                let place = SourcePosition(file: source.file, line: context.mark.line, column: context.mark.column)
                let name = names.first ?? ""
                if LooksOfText.isEntry(name) {
                    findings.error(at: place, LooksOfText.noSpaceAfterDash, hint: LooksOfText.hint(for: name))
                    return nil
                }
                // In a large file the first one has to do, so that nonsense is answered at once.
                let mayTryAgain = renamedKeys.count < 20 && renamedKeys.count * source.scalars.count < Self.workLimit
                guard mayTryAgain, let letter = Self.firstLetter(ofKeyAt: place, in: source),
                    let other = Unicode.Scalar(0xE000 + renamedKeys.count)
                else {
                    findings.error(at: place, "\(quote(name)) is given twice in this mapping", hint: "keep one of them")
                    return nil
                }
                source.replace(letter, with: other)
                renamedKeys[place] = name
            } catch let error as YamlError {
                error.report(in: source, findings: &findings)
                return nil
            } catch {
                let place = SourcePosition(file: source.file, line: 1, column: 1)
                findings.error(at: place, "the file is not valid YAML")
                return nil
            }
        }
    }

    /// The letter that can be replaced without changing anything but the name of the key.
    private static func firstLetter(ofKeyAt position: SourcePosition, in source: SourceText) -> Int? {
        guard var index = source.index(of: position) else { return nil }
        if source.scalars[index] == "\"" || source.scalars[index] == "'" { index += 1 }
        guard index < source.scalars.count, source.scalars[index].properties.isAlphabetic else { return nil }
        return index
    }
}
