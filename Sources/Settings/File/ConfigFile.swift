import Files
import MiddlewareKit
import Yams

/// Reads the YAML of a configuration file into a tree of ``ConfigNode``, with the environment filled in.
///
/// Strict where YAML is loose: no aliases, no merge keys, no tags of one's own, one document. The file may come from
/// anywhere, so size, depth and number of values are bounded.
enum ConfigFile {
    /// The largest file, in bytes.
    static let sizeLimit = 1 << 20

    /// - Parameters:
    ///   - text: The bytes of the file.
    ///   - file: Its name, for positions.
    ///   - environment: The variables that `${NAME}` may name.
    ///   - contents: What a file holds that `${file:PATH}` names.
    ///   - fillings: Gets what was filled in.
    /// - Returns: The tree, or nil when the text is no YAML that can be used. An empty file is an empty tree. A tree with
    ///   errors in the findings is good for further checks only.
    static func read(
        text: [UInt8], file: String, environment: [String: String],
        fillings: inout Fillings, contents: @escaping (_ path: String) throws(UnreadableFile) -> String
    ) -> (node: ConfigNode?, findings: Findings) {
        var findings = Findings()
        let start = SourcePosition(file: file, line: 1, column: 1)
        guard text.count <= sizeLimit else {
            let hint = "is this the right file?"
            findings.error(at: start, "the file is larger than \(ByteSize.bytes(sizeLimit).optionText)", hint: hint)
            return (nil, findings)
        }
        guard let source = SourceText(bytes: text, file: file, findings: &findings),
            let document = YAMLDocument(source: source, findings: &findings)
        else {
            return (nil, findings)
        }
        guard let root = document.root else {
            return (ConfigNode(position: start, content: .null, label: "the file"), findings)
        }
        var conversion = NodeConversion(
            source: source, environment: environment, renamedKeys: document.renamedKeys, contents: contents)
        var node = conversion.convert(root, depth: 1)
        node?.label = "the file"
        findings.add(conversion.findings)
        fillings.add(conversion.fillings)
        return (node, findings)
    }
}
