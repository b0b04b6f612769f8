import Foundation
import Testing

/// `docs/stage-reference.md` names every public declaration of MiddlewareKit, in the section of its type.
@Suite struct StageReferenceTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized

    /// A declaration, and the outermost type that it belongs to; nil: an extension of a type that is not of the kit.
    struct Declaration: Sendable, Hashable {
        let type: String?
        let name: String
    }

    @Test func thePageNamesEveryPublicDeclaration() throws {
        let page = try String(contentsOf: Self.root.appending(path: "docs/stage-reference.md"), encoding: .utf8)
        let sections = page.split(separator: "\n### ").dropFirst().map { section in
            (title: section.prefix { $0 != "\n" }, text: String(section))
        }
        var missing: [String] = []
        for declaration in try Self.declarations() {
            let word = try Regex("`[^`\n]*\\b\(declaration.name)\\b[^`\n]*`")
            let isNamed = { (text: String) in text.contains(word) }
            if let type = declaration.type {
                let own = sections.filter { $0.title.contains("`\(type)`") }
                if !own.contains(where: { isNamed($0.text) }) { missing.append("\(type).\(declaration.name)") }
            } else if !isNamed(page) {
                missing.append(declaration.name)
            }
        }
        #expect(missing == [])
    }

    @Test func theSourceIsRead() throws {
        let all = try Self.declarations()
        #expect(all.count > 300)
        for (type, name) in [
            ("Middleware", "inbound"), ("MessageContext", "traceparent"), ("EventKind", "aborted"),
            ("MessageRecord", "unanswered"), ("IPAddress", "v6"), ("InboundMessage", "agent"), ("Next", "Next"),
        ] {
            #expect(all.contains(Declaration(type: type, name: name)), "\(type).\(name)")
        }
    }

    // MARK: Reading the source

    /// What the requirements of `OptionValue`, and printing, are for: said once.
    private static let common: Set<String> = [
        "read", "salvage", "optionType", "optionText", "description", "debugDescription", "customMirror", "hash",
    ]

    private static func declarations() throws -> [Declaration] {
        let folder = root.appending(path: "Sources/MiddlewareKit")
        let files = (FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []).sorted()
        let texts = try files.filter { $0.hasSuffix(".swift") }.map {
            try String(contentsOf: folder.appending(path: $0), encoding: .utf8)
        }
        let types = Set(
            texts.flatMap { text in
                text.matches(of: /(?m)^public (?:indirect )?(?:struct|enum|protocol) (\w+)/).map { String($0.1) }
            })
        var seen: Set<Declaration> = []
        return texts.flatMap { Self.declarations(in: $0, of: types) }.filter { declaration in
            let isSaidElsewhere = common.contains(declaration.name) && declaration.type != "OptionValue"
            return !isSaidElsewhere && seen.insert(declaration).inserted
        }
    }

    /// `one(Int), two = 2`
    private static func names(ofCases list: Substring) -> [String] {
        list.replacing(/\(.*?\)/, with: "").replacing(/= *[^,]+/, with: "").split(separator: ",")
            .map { $0.trimmingCharacters(in: .whitespaces) }
    }

    /// Goes by the indentation, which the formatter sees to.
    private static func declarations(in text: String, of types: Set<String>) -> [Declaration] {
        let type = /(?:public )?(?:indirect )?(struct|enum|protocol|extension) (\w+)/
        let member =
            /(?:public )?(?:package\(set\) |private\(set\) )?(?:static |mutating )*(?:var|let|func|typealias|associatedtype) (\w+)/
        let cases = /(?:indirect )?case (.+)/
        var found: [Declaration] = []
        /// The types around a line: how far they are indented, what they are, and whether their members are public of themselves.
        var around: [(indentation: Int, keyword: String, name: String, isPublic: Bool)] = []
        for line in text.split(separator: "\n") {
            let indentation = line.prefix { $0 == " " }.count
            let words = line.dropFirst(indentation)
            guard !words.hasPrefix("//") else { continue }
            if words.hasPrefix("}") { around.removeAll { $0.indentation >= indentation } }
            let isPublic = words.hasPrefix("public ")
            // Members stand right below their type; what is deeper is code.
            guard indentation == (around.last.map { $0.indentation + 4 } ?? 0) else { continue }
            let owner = around.first.map(\.name)
            let outer = owner.flatMap { types.contains($0) ? $0 : nil }
            let place = around.last
            if let match = words.prefixMatch(of: type) {
                let (keyword, name) = (String(match.1), String(match.2))
                let isOpen = keyword == "extension" ? true : isPublic
                if isPublic { found.append(Declaration(type: outer ?? name, name: name)) }
                if isOpen, let match = words.firstMatch(of: /{ case (.+) }/) {
                    found += names(ofCases: match.1).map { Declaration(type: outer ?? name, name: $0) }
                }
                if line.hasSuffix("{") { around.append((indentation, keyword, name, isOpen)) }
            } else if let place, place.isPublic, place.keyword == "enum", let match = words.wholeMatch(of: cases) {
                found += names(ofCases: match.1).map { Declaration(type: outer, name: $0) }
            } else if isPublic || place?.keyword == "protocol" && place?.isPublic == true,
                let match = words.prefixMatch(of: member)
            {
                let name = String(match.1)
                found.append(Declaration(type: owner == nil ? name : outer, name: name))
            }
        }
        return found
    }
}
