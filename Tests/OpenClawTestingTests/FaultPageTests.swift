import Foundation
import Testing

/// docs/testing-against-openclaw.md names every fault and interruption.
@Suite struct FaultPageTests {
    @Test func everyFaultIsNamed() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized
        let page = try String(contentsOf: root.appending(path: "docs/testing-against-openclaw.md"), encoding: .utf8)
        let source = try String(
            contentsOf: root.appending(path: "Sources/OpenClawTesting/Gateway/FakeGateway+Fault.swift"),
            encoding: .utf8)
        let names = source.matches(of: /\n\s+case (\w+)/).map { String($0.1) }
        #expect(names.count > 20)
        for name in names { #expect(page.contains("`\(name)`"), "\(name)") }
    }
}
