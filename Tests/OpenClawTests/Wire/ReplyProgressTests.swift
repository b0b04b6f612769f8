import Testing

@testable import OpenClaw

@Suite struct ReplyProgressTests {
    @Test func snapshotsBecomeIncrements() throws {
        var progress = ReplyProgress()
        #expect(try progress.feed(snapshot: "Hi") == .append("Hi"))
        #expect(try progress.feed(snapshot: "Hi") == nil)
        #expect(try progress.feed(snapshot: #"Hi\n\"you\""#) == .append("\n\"you\""))
        #expect(try progress.feed(snapshot: "Hi") == .replace("Hi"))
        #expect(try progress.feed(snapshot: "The answer") == .replace("The answer"))
    }

    @Test func otherEscapesOfTheSameTextAreNoReplacement() throws {
        var progress = ReplyProgress()
        #expect(try progress.feed(snapshot: "é/") == .append("é/"))
        #expect(try progress.feed(snapshot: #"\u00e9\/"#) == nil)
        #expect(try progress.feed(snapshot: #"\u00E9/ \ud83e\udd9e"#) == .append(" 🦞"))
    }

    @Test func deltaTextAppendsOrReplaces() throws {
        var progress = ReplyProgress()
        #expect(try progress.feed(delta: "Hel") == .append("Hel"))
        #expect(try progress.feed(delta: "lo") == .append("lo"))
        #expect(try progress.feed(delta: "Bye", replaces: true) == .replace("Bye"))
        #expect(try progress.feed(delta: "Bye!", replaces: true) == .append("!"))
        // The snapshot wins, and heals what was missed.
        #expect(try progress.feed(snapshot: "Bye! Hello", delta: "lo") == .append(" Hello"))
    }

    @Test func halvesOfACharacterWaitForEachOther() throws {
        var progress = ReplyProgress()
        #expect(try progress.feed(snapshot: #"x\ud83e"#) == .append("x"))
        #expect(try progress.feed(snapshot: "x🦞") == .append("🦞"))
        #expect(try progress.feed(delta: #"\ud83e"#) == nil)
        #expect(try progress.feed(delta: #"\udd9e!"#) == .append("🦞!"))
        #expect(progress.text == "x🦞🦞!")
    }

    @Test func piecesInThePlaceOfSnapshots() throws {
        var progress = ReplyProgress()
        #expect(try progress.feed(snapshot: "Hel", delta: "Hel") == .append("Hel"))
        #expect(try progress.feed(snapshot: "lo", delta: "lo") == .append("lo"))
        #expect(progress.text == "Hello")
    }

    @Test func silentTokensAreWithheld() throws {
        var progress = ReplyProgress()
        #expect(try progress.feed(snapshot: "N") == nil)
        #expect(try progress.feed(snapshot: "NO_REPLY") == nil)
        #expect(progress.release() == nil)
        #expect(try progress.feed(snapshot: "NO_REPLY is a word") == .append("NO_REPLY is a word"))
        #expect(try progress.feed(snapshot: "no") == .replace(""))
        #expect(progress.release() == .append("no"))
        #expect(progress.release() == nil)
    }

    @Test func errorsChangeNothing() throws {
        var progress = ReplyProgress()
        #expect(try progress.feed(snapshot: "Hi") == .append("Hi"))
        #expect(throws: ReplyProgress.Failure.malformed) { try progress.feed(snapshot: #"Hi\q"#) }
        #expect(throws: ReplyProgress.Failure.malformed) { try progress.feed(snapshot: #"\q"#) }
        let long = String(repeating: "x", count: ReplyProgress.textLimit + 1)
        #expect(throws: ReplyProgress.Failure.tooLong) { try progress.feed(snapshot: "Hi" + long) }
        #expect(throws: ReplyProgress.Failure.tooLong) { try progress.feed(snapshot: long) }
        #expect(throws: ReplyProgress.Failure.tooLong) { try progress.feed(delta: long) }
        #expect(try progress.feed(snapshot: "Hi!") == .append("!"))
    }

    /// For random texts, cuts and escapes the increments join to the whole text.
    @Test(arguments: 0..<200 as Range<UInt64>)
    func incrementsJoinToTheSnapshot(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let alphabet: [Unicode.Scalar] = [
            "a", "N", "O", "_", " ", "\n", "\"", "\\", "/", "é", "€", "🦞", "\u{1}", "\u{FFFD}",
        ]
        let units = Array(
            String(String.UnicodeScalarView((0..<40).map { _ in alphabet.randomElement(using: &random) ?? "x" })).utf16)
        let text = String(decoding: units, as: UTF16.self)
        let usesDeltas = Bool.random(using: &random)
        var progress = ReplyProgress()
        var shown = ""
        var position = 0
        while position < units.count {
            let next = min(units.count, position + Int.random(in: 1...7, using: &random))
            let increment =
                usesDeltas
                ? try progress.feed(delta: escape(units[position..<next], using: &random))
                : try progress.feed(snapshot: escape(units[..<next], using: &random))
            if case .append(let more)? = increment { shown += more } else { #expect(increment == nil) }
            position = next
        }
        if case .append(let more)? = progress.release() { shown += more }
        #expect(shown == text)
        #expect(progress.text == text)
    }

    /// One of the ways in which JSON can say these UTF-16 code units; halves of a character are always escaped.
    private func escape(_ units: ArraySlice<UInt16>, using random: inout SplitMix) -> String {
        var out = ""
        var position = units.startIndex
        while position < units.endIndex {
            let unit = units[position]
            position += 1
            let hex = String(unit, radix: 16)
            let code = "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            if UTF16.isLeadSurrogate(unit), position < units.endIndex, Bool.random(using: &random) {
                out += String(decoding: [unit, units[position]], as: UTF16.self)
                position += 1
            } else if UTF16.isSurrogate(unit) || unit < 0x20 || unit == 0x22 || unit == 0x5C || random.next() % 8 == 0 {
                out += code
            } else {
                out += String(decoding: [unit], as: UTF16.self)
            }
        }
        return out
    }
}

extension ReplyProgress {
    /// The strings are escaped JSON.
    fileprivate mutating func feed(
        snapshot: String? = nil,
        delta: String? = nil,
        replaces: Bool = false
    ) throws(Failure) -> TextIncrement? {
        try Array((snapshot ?? "").utf8).withUnsafeBufferPointer { (whole) throws(Failure) in
            try Array((delta ?? "").utf8).withUnsafeBufferPointer { (piece) throws(Failure) in
                try apply(
                    snapshot: snapshot == nil ? nil : UnsafeRawBufferPointer(whole),
                    delta: delta == nil ? nil : UnsafeRawBufferPointer(piece),
                    replaces: replaces
                )
            }
        }
    }
}

/// A random generator that a seed determines.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
