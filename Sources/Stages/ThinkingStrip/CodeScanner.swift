/// Finds the code in a text as it streams in: a tag inside code is plain text.
///
/// OpenClaw protocol, thinking tags, rule 3. There are two kinds of region, found independently of each other:
/// - *fenced*: from three backticks or tildes at a line start to the next line that starts with the same three
///   characters, or to the end of the text. The first line must have ended.
/// - *inline*: from a run of backticks to the next run of the same length.
///
/// Whether a run has a partner shows only when the partner comes, or when the text ends. Until then all text that
/// follows the run is undecided.
struct CodeScanner {
    /// Where a tag stands.
    enum Place { case outside, inside, undecided }

    private enum Fence {
        case none
        /// In the first line of a fence that began at `start`.
        case opening(mark: UInt8, start: Int)
        case open(mark: UInt8)
    }

    private struct Run {
        let start: Int
        let width: Int
        var end: Int { start + width }
    }

    /// How many bytes were scanned.
    private(set) var offset = 0
    private var fence = Fence.none
    /// How many equal fence marks the line began with so far; nil once it holds anything else.
    private var lineMarks: Int? = 0
    private var lineMark: UInt8 = 0
    /// The backticks right before `offset`.
    private var backticks = 0
    /// The first run that waits for its partner, and all runs after it.
    private var waiting: [Run] = []

    /// Where a tag stands that starts at `offset`. Call `endRun` before.
    var place: Place {
        switch fence {
        case .open: .inside
        case .opening: .undecided
        case .none: waiting.isEmpty ? .outside : .undecided
        }
    }

    /// Takes the bytes that follow.
    ///
    /// - Returns: Where the earliest region begins of which it became known now that it is code, up to here. All that
    ///   was undecided from there on is code.
    mutating func scan(_ bytes: some Sequence<UInt8>) -> Int? {
        var settled: Int?
        for byte in bytes {
            if byte == .backtick {
                backticks += 1
            } else if let start = endRun() {
                settled = min(settled ?? start, start)
            }
            if byte == .newline {
                if case .opening(let mark, let start) = fence {
                    fence = .open(mark: mark)
                    settled = min(settled ?? start, start)
                }
                lineMarks = 0
            } else if let marks = lineMarks {
                countMark(byte, after: marks)
            }
            offset += 1
        }
        return settled
    }

    /// What follows is no backtick: the run before it, if there is one, has its full length.
    ///
    /// - Returns: Where the region begins that the run ends, as `scan` does.
    mutating func endRun() -> Int? {
        guard backticks > 0 else { return nil }
        let run = Run(start: offset - backticks, width: backticks)
        backticks = 0
        if let first = waiting.first, first.width == run.width {
            waiting.removeAll(keepingCapacity: true)
            return first.start
        }
        waiting.append(run)
        return nil
    }

    /// Whether `skip` may be called.
    var canSkip: Bool {
        if case .opening = fence { return false }
        return backticks == 0
    }

    /// Takes bytes without backticks and tildes, of which the last is no newline: they cannot change where code is.
    mutating func skip(_ count: Int) {
        offset += count
        lineMarks = nil
    }

    /// The inline regions among what is still undecided, in order, now that the text has ended.
    mutating func finish() -> [Range<Int>] {
        if backticks > 0 { waiting.append(Run(start: offset - backticks, width: backticks)) }
        var partners = [Int?](repeating: nil, count: waiting.count)
        var nextOfWidth: [Int: Int] = [:]
        for index in waiting.indices.reversed() {
            partners[index] = nextOfWidth.updateValue(index, forKey: waiting[index].width)
        }
        var regions: [Range<Int>] = []
        var index = 0
        while index < waiting.count {
            if let partner = partners[index] {
                regions.append(waiting[index].start..<waiting[partner].end)
                index = partner
            }
            index += 1
        }
        return regions
    }

    private mutating func countMark(_ byte: UInt8, after marks: Int) {
        guard byte == .backtick || byte == .tilde, marks == 0 || byte == lineMark else {
            lineMarks = nil
            return
        }
        lineMark = byte
        lineMarks = marks + 1
        guard marks == 2 else { return }
        lineMarks = nil
        switch fence {
        case .none: fence = .opening(mark: byte, start: offset - 2)
        case .open(let mark) where mark == byte: fence = .none
        case .opening, .open: break
        }
    }
}

extension UInt8 {
    static let backtick = UInt8(ascii: "`")
    static let tilde = UInt8(ascii: "~")
    static let newline = UInt8(ascii: "\n")
}
