import Analytics
import MiddlewareKit
import Testing

@Suite struct FiguresTests {
    static let example: AnalyticsFigures = {
        var figures = AnalyticsFigures()
        figures.messagesIn = 3
        figures.messagesOut = 2
        figures.charactersIn = 12_345
        figures.add(Usage(input: 700, output: 300, cacheRead: 0, cost: 0.0125), asked: 40, answered: 100)
        figures.add(nil, asked: 41, answered: 9)
        figures.aborted = 1
        figures.addError("timeout")
        figures.addRejection(.init(stage: "rate-limit", code: "rate_limited"), count: 4)
        figures.add(RunTiming(queued: .milliseconds(2), firstText: .milliseconds(840), whole: .seconds(12)))
        figures.sessions.insert(stableHash("home", "agent:main:one"))
        return figures
    }()

    private func read(_ bytes: [UInt8]) throws -> AnalyticsFigures {
        var figures = AnalyticsFigures()
        try bytes.withUnsafeBytes { try figures.add(bytes: $0) }
        return figures
    }

    @Test func whatIsWrittenIsReadAgain() throws {
        let bytes = Self.example.bytes
        #expect(bytes.count < 100)
        let figures = try read(bytes)
        #expect(figures.bytes == bytes)
        #expect(figures.messagesIn == 3 && figures.messagesOut == 2 && figures.charactersIn == 12_345)
        #expect(figures.input.value == 700 && figures.estimatedInput.value == 11)
        #expect(figures.output.value == 300 && figures.estimatedOutput.value == 3)
        #expect(figures.cost.value == 12_500)
        #expect(figures.errors == ["timeout": 1])
        #expect(figures.rejections == [.init(stage: "rate-limit", code: "rate_limited"): 4])
        #expect(figures.firstText.percentile(50) == 843)
        #expect(figures.sessions.estimate == 1)
    }

    /// A gateway that says 0 tokens told something; one that says nothing did not.
    @Test func unknownIsNeverZero() throws {
        let figures = try read(Self.example.bytes)
        #expect(figures.cacheRead.value == 0)
        #expect(figures.cacheWrite.value == nil)
        #expect(AnalyticsFigures().cost.value == nil)
        #expect(AnalyticsFigures().firstText.percentile(50) == nil)
    }

    @Test func readingAddsToWhatThereIs() throws {
        var figures = Self.example
        try Self.example.bytes.withUnsafeBytes { try figures.add(bytes: $0) }
        var twice = Self.example
        twice.add(Self.example)
        #expect(figures.bytes == twice.bytes)
        #expect(figures.messagesIn == 6)
        #expect(figures.firstText.count == 2)
        // The same session is not counted twice.
        #expect(figures.sessions.estimate == 1)
    }

    @Test func damagedBytesAreFoundAndHurtNothing() {
        let bytes = Self.example.bytes
        for length in bytes.indices {
            #expect(throws: (any Error).self) { try read(Array(bytes.prefix(length))) }
        }
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            var damaged = bytes
            for _ in 0...Int.random(in: 0...4, using: &random) {
                damaged[Int.random(in: damaged.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            _ = try? read(damaged)
        }
    }

    @Test func namesThatComeFromOutsideAreBounded() {
        var figures = AnalyticsFigures()
        for number in 0..<500 { figures.addError("kind-\(number)") }
        for number in 0..<500 { figures.addRejection(.init(stage: "s", code: "\(number)")) }
        #expect(figures.errors.count <= AnalyticsFigures.maxNames + 1)
        #expect(figures.errors.values.reduce(0, +) == 500)
        #expect(figures.rejections.count <= AnalyticsFigures.maxNames + 1)
        #expect(figures.rejections.values.reduce(0, +) == 500)
    }

    @Test func nonsenseOfAGatewayDoesNotTrap() throws {
        var figures = AnalyticsFigures()
        for _ in 0..<4 {
            figures.add(Usage(input: .max, output: -5, cost: .infinity), asked: nil, answered: 0)
            figures.add(Usage(cost: 1e300), asked: nil, answered: 0)
            figures.add(RunTiming(queued: .seconds(-1), firstText: .seconds(Int64.max), whole: .zero))
        }
        #expect(figures.output.value == 0)
        #expect(figures.cost.value == nil)
        // A sum never becomes smaller.
        #expect(figures.input.value == .max)
        figures.add(figures)
        #expect(figures.input.value == .max)
        _ = try read(figures.bytes)
    }

    @Test(arguments: [0, 1, 10, 100, 1000, 20_000])
    func sessionsAreCountedWithinThreePercent(count: Int) {
        var sketch = SessionSketch()
        for number in 0..<count {
            sketch.insert(stableHash("home", "agent:main:web-\(number)"))
            sketch.insert(stableHash("home", "agent:main:web-\(number)"))
        }
        #expect(abs(sketch.estimate - count) <= max(count / 33, count > 50 ? 1 : 0))
    }

    @Test func charactersAreUnicodeScalars() {
        #expect("".characterCount == 0)
        #expect("añ€😀".characterCount == 4)
        #expect(String(repeating: "añ€😀", count: 1000).characterCount == 4000)
        // Each byte of a scalar at each place of a word.
        for length in 0..<40 {
            for scalar in ["a", "ñ", "€", "😀", "\u{0}", "\u{7F}", "\u{80}", "\u{10FFFF}"] {
                let text = String(repeating: "x", count: length % 9) + String(repeating: scalar, count: length)
                #expect(text.characterCount == text.unicodeScalars.count)
            }
        }
    }
}
