/// A regular expression as a table of states: one step for each byte of a text.
///
/// Made in two steps: from the expression a list of instructions that would follow many ways at once, and from that a table
/// in which each set of ways is one state.
struct PatternAutomaton: Sendable {
    private static let stateLimit = 1000
    /// How many instructions may be looked at while the table is made: well under a second of work.
    private static let workLimit = 2_000_000

    /// The kind of each byte: bytes of one kind are treated alike by every state.
    private let kinds: [UInt8]
    private let kindCount: Int
    /// For each state and each kind the state that follows, as the place where its part of this table begins; or ``found``.
    private let table: [UInt32]
    private let isFoundInEmpty: Bool
    private let isFoundAtEnd: [Bool]
    /// The state in which nothing has begun, where most of a text is spent, and the bytes with which something may begin.
    private let rest: Int
    private let beginnings: [Bool]

    /// In the table: the expression is found, whatever follows.
    private static let found = UInt32.max

    func accepts(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        if isFoundInEmpty { return true }
        var (state, index) = (0, 0)
        while index < bytes.count {
            if state == rest {
                while index < bytes.count, !beginnings[Int(bytes[index])] { index += 1 }
                if index == bytes.count { break }
            }
            let next = table[state + Int(kinds[Int(bytes[index])])]
            if next == Self.found { return true }
            (state, index) = (Int(next), index + 1)
        }
        return isFoundAtEnd[state / kindCount]
    }

    init(_ node: PatternNode) throws(PatternError) {
        var program = PatternProgram()
        try program.append(node)
        program.finish()
        (kinds, kindCount) = program.kindsOfBytes()
        var representatives = [UInt8](repeating: 0, count: kindCount)
        for byte in (UInt8.min...UInt8.max).reversed() { representatives[Int(kinds[Int(byte)])] = byte }

        var work = 0
        var numbers: [[Int]: Int] = [:]
        var states: [[Int]] = []
        var table: [UInt16] = []
        func number(_ state: [Int]) -> Int {
            if let number = numbers[state] { return number }
            numbers[state] = states.count
            states.append(state)
            return states.count - 1
        }
        _ = number(program.closure(of: [0], atStart: true, atEnd: false, &work))
        // The expression may begin anywhere.
        let restart = program.closure(of: [0], atStart: false, atEnd: false, &work)
        var current = 0
        while current < states.count {
            for byte in representatives {
                let next = states[current].filter { program.instructions[$0].takes(byte) }.map { $0 + 1 }
                let reached = program.closure(of: next, atStart: false, atEnd: false, &work)
                work += restart.count
                table.append(UInt16(number(Array(Set(reached).union(restart)).sorted())))
            }
            current += 1
            guard states.count <= Self.stateLimit, work <= Self.workLimit else {
                throw PatternError(
                    offset: 0, message: "the expression is too complex", hint: "use fewer repetitions inside each other"
                )
            }
        }
        let (isFound, kindCount) = (states.map(program.isFound), kindCount)
        self.table = table.map { isFound[Int($0)] ? Self.found : UInt32(Int($0) * kindCount) }
        isFoundInEmpty = isFound[0]
        isFoundAtEnd = states.map { state in
            var work = 0
            return program.isFound(program.closure(of: state, atStart: false, atEnd: true, &work))
        }
        // Where no byte leads to it, it is no state of the table; any other will do.
        let (rest, ways) = (numbers[restart.sorted()] ?? 0, self.table)
        self.rest = rest * kindCount
        beginnings = kinds.map { ways[rest * kindCount + Int($0)] != rest * kindCount }
    }
}
