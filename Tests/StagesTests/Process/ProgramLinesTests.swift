import Foundation
import Testing

@testable import Stages

@Suite struct ProgramLinesTests {
    private func lines(_ pieces: [String], limit: Int = 100) throws -> [String] {
        var lines = ProgramLines(limit: limit)
        let whole = try pieces.flatMap { try lines.add(Array($0.utf8)) }
        return (whole + (lines.finish().map { [$0] } ?? [])).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test(arguments: [
        ["one\ntwo\n\nthree\n"], ["one", "\nt", "wo\n\nthr", "ee\n"], ["one\ntwo\n\nthree"],
        "one\ntwo\n\nthree".map { String($0) },
    ])
    func linesAreTheSameHoweverTheyCome(pieces: [String]) throws {
        #expect(try lines(pieces) == ["one", "two", "", "three"])
    }

    @Test func aLineHasABound() throws {
        #expect(try lines(["12345\n", "12345"], limit: 5) == ["12345", "12345"])
        for pieces in [["123456\n"], ["123", "456"]] {
            #expect(throws: ProgramFailure.self) { try lines(pieces, limit: 5) }
        }
    }
}
