import MiddlewareKit
import Testing

@testable import Stages

@Suite struct ThinkingStripOptionsTests {
    private func read(_ pairs: [(String, String)]) -> (options: ThinkingStripOptions?, findings: Findings) {
        let position = SourcePosition(file: "config.yaml", line: 1, column: 1)
        var findings = Findings()
        let node = ConfigNode(
            position: position,
            content: .mapping(
                pairs.map { key, value in
                    (key, position, ConfigNode(position: position, content: .scalar(value, isPlain: true)))
                }))
        return (ThinkingStripOptions.read(node, findings: &findings), findings)
    }

    @Test func `without options it does what OpenClaw does`() {
        let (options, findings) = read([])
        #expect(options == ThinkingStripOptions(mode: .strict, trim: .both, scope: .all, blocks: .drop))
        #expect(!findings.hasErrors)
    }

    @Test func `every option is read`() {
        let (options, findings) = read([
            ("mode", "preserve"), ("trim", "start"), ("scope", "leading"), ("blocks", "keep"),
        ])
        #expect(options == ThinkingStripOptions(mode: .preserve, trim: .start, scope: .leading, blocks: .keep))
        #expect(!findings.hasErrors)
    }

    @Test func `a word that is none of the choices is an error`() {
        let (options, findings) = read([("trim", "end"), ("mode", "lax"), ("tags", "think")])
        #expect(options == nil)
        #expect(findings.errorCount == 3)
    }
}
