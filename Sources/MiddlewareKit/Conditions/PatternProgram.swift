/// A regular expression as instructions. A set of their numbers says in which places of the expression a text may be.
struct PatternProgram {
    enum Instruction {
        /// One of these bytes, then the next instruction.
        case byte(ByteSet)
        /// Goes on at both numbers.
        case split(Int, Int)
        case jump(Int)
        /// Goes on only at the beginning of the text.
        case start
        /// Goes on only at the end of the text.
        case end
        case found

        func takes(_ byte: UInt8) -> Bool {
            if case .byte(let set) = self { set.contains(byte) } else { false }
        }
    }

    private static let limit = 2000

    private(set) var instructions: [Instruction] = []

    mutating func finish() { instructions.append(.found) }

    mutating func append(_ node: PatternNode) throws(PatternError) {
        guard instructions.count < Self.limit else {
            throw PatternError(offset: 0, message: "the expression is too long", hint: "use smaller repetitions")
        }
        switch node {
        case .bytes(let set): instructions.append(.byte(set))
        case .start: instructions.append(.start)
        case .end: instructions.append(.end)
        case .sequence(let nodes): for node in nodes { try append(node) }
        case .choice(let nodes):
            var jumps: [Int] = []
            for node in nodes.dropLast() {
                let split = hold()
                try append(node)
                jumps.append(hold())
                instructions[split] = .split(split + 1, instructions.count)
            }
            if let last = nodes.last { try append(last) }
            for jump in jumps { instructions[jump] = .jump(instructions.count) }
        case .repeated(let node, let least, let most):
            for _ in 0..<least { try append(node) }
            if let most {
                var splits: [Int] = []
                for _ in least..<most {
                    splits.append(hold())
                    try append(node)
                }
                for split in splits { instructions[split] = .split(split + 1, instructions.count) }
            } else {
                let split = hold()
                try append(node)
                instructions.append(.jump(split))
                instructions[split] = .split(split + 1, instructions.count)
            }
        }
    }

    /// A place for an instruction that is known later.
    private mutating func hold() -> Int {
        instructions.append(.jump(instructions.count + 1))
        return instructions.count - 1
    }

    func isFound(_ state: [Int]) -> Bool {
        state.contains { if case .found = instructions[$0] { true } else { false } }
    }

    /// All instructions that are reached without a byte, in order; only those that wait for a byte or for the end, or that
    /// have found something, are kept.
    func closure(of state: [Int], atStart: Bool, atEnd: Bool, _ work: inout Int) -> [Int] {
        var seen: Set<Int> = []
        var kept: [Int] = []
        var open = state
        while let number = open.popLast() {
            guard seen.insert(number).inserted else { continue }
            work += 1
            switch instructions[number] {
            case .byte, .found: kept.append(number)
            case .split(let one, let two): open += [one, two]
            case .jump(let target): open.append(target)
            case .start: if atStart { open.append(number + 1) }
            case .end:
                kept.append(number)
                if atEnd { open.append(number + 1) }
            }
        }
        return kept.sorted()
    }

    /// Sorts bytes by how the instructions treat them.
    func kindsOfBytes() -> (kinds: [UInt8], count: Int) {
        let sets = Set(instructions.compactMap { if case .byte(let set) = $0 { set } else { nil } })
        var numbers: [[Bool]: UInt8] = [:]
        let kinds = (UInt8.min...UInt8.max).map { byte -> UInt8 in
            let treatment = sets.map { $0.contains(byte) }
            let number = numbers[treatment] ?? UInt8(numbers.count)
            numbers[treatment] = number
            return number
        }
        return (kinds, numbers.count)
    }
}
