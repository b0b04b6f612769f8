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
    /// The state that follows each state for each kind.
    private let table: [UInt16]
    private let isFound: [Bool]
    private let isFoundAtEnd: [Bool]

    func accepts(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var state = 0
        if isFound[0] { return true }
        for byte in bytes {
            state = Int(table[state * kindCount + Int(kinds[Int(byte)])])
            if isFound[state] { return true }
        }
        return isFoundAtEnd[state]
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
        self.table = table
        isFound = states.map(program.isFound)
        isFoundAtEnd = states.map { state in
            var work = 0
            return program.isFound(program.closure(of: state, atStart: false, atEnd: true, &work))
        }
    }
}
