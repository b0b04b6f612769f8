import DequeModule
import Foundation
import Subprocess

/// What a program writes to its standard output, line by line.
struct ProgramOutput {
    /// What stands behind the last end of a line and is no JSON: the program ended before it had written it.
    private(set) var brokenLine: Data?
    private var pieces: SubprocessOutputSequence.AsyncIterator
    private var lines = ProgramLines(limit: ProgramProtocol.maxLine)
    private var ready: Deque<Data> = []

    init(_ output: SubprocessOutputSequence) { pieces = output.makeAsyncIterator() }

    /// Nil: there are no more.
    mutating func next() async throws -> Data? {
        while ready.isEmpty {
            guard let piece = try await pieces.next() else { return last() }
            // A copy, so that no pointer goes any further.
            ready += try lines.add(piece.withUnsafeBytes { Array($0) })
        }
        return ready.popFirst()
    }

    /// A line may lack its end.
    private mutating func last() -> Data? {
        guard let rest = lines.finish() else { return nil }
        if (try? JSONSerialization.jsonObject(with: rest)) != nil { return rest }
        brokenLine = rest
        return nil
    }
}
