/// Rules compiled to one machine that looks for all of them at once (Thompson's construction). Immutable.
final class Automaton: Sendable {
    enum Instruction: Sendable {
        /// Takes a scalar of the set.
        case take(ScalarSet, next: Int)
        /// Takes one of many scalars, each with its own way on: a node of the tree of words. `end`: a word may end here.
        case choose([UInt32: Int], ignoresCase: Bool, end: Int?)
        case split([Int])
        case require(PatternSyntax.Boundary, next: Int)
        /// A rule matches here.
        case accept(rule: Int)
    }

    /// Which scalars may begin a match; all that are not ASCII may.
    let canBegin: [Bool]
    let instructions: [Instruction]
    let start: Int

    /// The most instructions that a machine may have.
    static let limit = 100_000

    init(_ builder: Builder) {
        var builder = builder
        start = builder.add(.split(builder.entries))
        instructions = builder.instructions
        canBegin = Self.beginnings(instructions, start)
    }

    private static func beginnings(_ instructions: [Instruction], _ start: Int) -> [Bool] {
        var canBegin = [Bool](repeating: false, count: 128)
        var seen: Set<Int> = []
        var open = [start]
        while let index = open.popLast() {
            guard seen.insert(index).inserted else { continue }
            switch instructions[index] {
            case .take(let set, _):
                for value in UInt8(0)..<128 where set.contains(Unicode.Scalar(value)) { canBegin[Int(value)] = true }
            case .choose(let ways, let ignoresCase, _):
                for value in UInt8(0)..<128 {
                    let scalar = Unicode.Scalar(value)
                    if ways[(ignoresCase ? scalar.folded : scalar).value] != nil { canBegin[Int(value)] = true }
                }
            case .split(let ways): open += ways
            case .require(_, let next): open.append(next)
            case .accept: break
            }
        }
        return canBegin
    }

    /// Collects the rules.
    struct Builder {
        fileprivate(set) var instructions: [Instruction] = []
        /// Where the rules begin.
        private(set) var entries: [Int] = []

        /// A rule that was put together from instructions.
        mutating func add(entry: Int) { entries.append(entry) }

        /// A rule that is a regular expression.
        mutating func add(_ syntax: PatternSyntax, rule: Int) throws(PatternProblem) {
            let end = add(.accept(rule: rule))
            entries.append(try compile(syntax, to: end))
        }

        /// A rule that is a list of words.
        mutating func add(words: [String], ignoresCase: Bool, areWhole: Bool, rule: Int) throws(PatternProblem) {
            let accept = add(.accept(rule: rule))
            let end = areWhole ? add(.require(.wordBreak, next: accept)) : accept
            let tree = WordTree(words, ignoresCase: ignoresCase)
            guard instructions.count + tree.nodes.count <= Automaton.limit else {
                throw PatternProblem(words: "is a list of too many words")
            }
            let base = instructions.count
            for node in tree.nodes {
                let ways = node.ways.mapValues { base + $0 }
                add(.choose(ways, ignoresCase: ignoresCase, end: node.isEnd ? end : nil))
            }
            entries.append(areWhole ? add(.require(.wordBreak, next: base)) : base)
        }

        @discardableResult
        mutating func add(_ instruction: Instruction) -> Int {
            instructions.append(instruction)
            return instructions.count - 1
        }

        /// - Returns: Where the machine for `syntax` begins, which goes on at `next`.
        private mutating func compile(_ syntax: PatternSyntax, to next: Int) throws(PatternProblem) -> Int {
            guard instructions.count < Automaton.limit else {
                throw PatternProblem(words: "is too large: it repeats too much too often")
            }
            switch syntax {
            case .scalar(let set): return add(.take(set, next: next))
            case .boundary(let boundary): return add(.require(boundary, next: next))
            case .sequence(let parts):
                var next = next
                for part in parts.reversed() { next = try compile(part, to: next) }
                return next
            case .anyOf(let choices):
                var ways: [Int] = []
                for choice in choices { ways.append(try compile(choice, to: next)) }
                return add(.split(ways))
            case .repeated(let part, let min, let max):
                return try compileRepeated(part, min, max, to: next)
            }
        }

        private mutating func compileRepeated(
            _ part: PatternSyntax, _ min: Int, _ max: Int?, to end: Int
        ) throws(PatternProblem) -> Int {
            var next = end
            if let max {
                for _ in min..<max {
                    let entry = try compile(part, to: next)
                    // A part without instructions is as good once as many times.
                    if entry == next { break }
                    next = add(.split([entry, end]))
                }
            } else {
                let loop = add(.split([]))
                instructions[loop] = .split([try compile(part, to: loop), end])
                next = loop
            }
            for _ in 0..<min {
                let entry = try compile(part, to: next)
                if entry == next { break }
                next = entry
            }
            return next
        }
    }
}
