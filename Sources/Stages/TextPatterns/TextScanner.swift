import DequeModule

/// Finds everything that matches the rules of an ``Automaton`` in a text that comes in pieces.
///
/// A match is any part of the text that a rule describes, and all of them count: matches that overlap make one *find*. So
/// nothing that matches is ever left over, and it makes no difference how the text is cut. The time is linear in the length
/// of the text: each scalar moves each state of the machine once, and of two ways to the same state only the one that
/// began earlier matters, for its match holds the other.
///
/// What may still become part of a find is held, up to `maxHold` scalars; of a longer match the last `maxHold` are found.
struct TextScanner: Sendable {
    /// What the text turned out to be, in order.
    enum Piece {
        /// Text outside of finds.
        case plain(ArraySlice<Unicode.Scalar>)
        /// A find begins.
        case find(rule: Int)
        /// Text of the find that began last.
        case found(ArraySlice<Unicode.Scalar>)
    }

    /// A state of the machine after the last scalar, and where the match that it works on began.
    private struct Thread {
        var state: Int
        var start: Int
    }

    private struct Find {
        var start: Int
        var end: Int
        var rule: Int
    }

    private let automaton: Automaton
    private let maxHold: Int
    /// Ordered by their starts.
    private var threads: [Thread] = []
    /// In which step a state was entered last.
    private var entered: [UInt32]
    private var step: UInt32 = 0
    /// States still to be entered; empty between steps.
    private var open: [Int] = []
    /// How many scalars were read.
    private var place = 0
    private var last: Unicode.Scalar?
    /// The scalars that are not let out yet, behind some that were; the first one of all is number `bufferFrom`.
    private var buffer: [Unicode.Scalar] = []
    private var bufferFrom = 0
    /// The number of the first scalar that is not let out yet.
    private var heldFrom = 0
    /// Finds that are not let out yet, in order, apart from each other.
    private var finds: Deque<Find> = []
    /// Where the find that was let out last ends so far.
    private var openEnd = 0

    init(_ automaton: Automaton, maxHold: Int) {
        self.automaton = automaton
        self.maxHold = maxHold
        entered = Array(repeating: 0, count: automaton.instructions.count)
    }

    /// How many scalars are held.
    var held: Int { place - heldFrom }

    /// Reads the text that follows what was read so far.
    mutating func feed(_ text: Substring, to sink: (Piece) -> Void) {
        var skipped: [Unicode.Scalar] = []
        for scalar in text.unicodeScalars {
            if threads.isEmpty, heldFrom == place, scalar.isASCII, !automaton.canBegin[Int(scalar.value)] {
                skipped.append(scalar)
                last = scalar
                place += 1
                heldFrom += 1
                bufferFrom += 1
                continue
            }
            if !skipped.isEmpty {
                sink(.plain(skipped[...]))
                skipped.removeAll(keepingCapacity: true)
            }
            read(scalar)
            release(to: sink)
        }
        if !skipped.isEmpty { sink(.plain(skipped[...])) }
    }

    /// The text has ended.
    mutating func finish(to sink: (Piece) -> Void) {
        advance(before: nil)
        release(to: sink)
    }

    private mutating func read(_ scalar: Unicode.Scalar) {
        advance(before: scalar)
        buffer.append(scalar)
        last = scalar
        place += 1
    }

    /// Moves all threads over the place between the last scalar and `next`, and then over `next`.
    private mutating func advance(before next: Unicode.Scalar?) {
        let before = threads
        threads.removeAll(keepingCapacity: true)
        step &+= 1
        for thread in before { enter(thread.state, from: thread.start, before: next) }
        enter(automaton.start, from: place, before: next)
    }

    /// Follows all ways from a state that take no scalar, and takes `next` where they lead to.
    private mutating func enter(_ state: Int, from start: Int, before next: Unicode.Scalar?) {
        open.append(state)
        while let state = open.popLast() {
            guard entered[state] != step else { continue }
            entered[state] = step
            switch automaton.instructions[state] {
            case .take(let set, let way):
                if let next, set.contains(next) { threads.append(Thread(state: way, start: start)) }
            case .choose(let ways, let ignoresCase, let end):
                if let next, let way = ways[(ignoresCase ? next.folded : next).value] {
                    threads.append(Thread(state: way, start: start))
                }
                if let end { open.append(end) }
            case .split(let ways):
                open += ways
            case .require(let boundary, let way):
                if boundary.holds(between: last, and: next) { open.append(way) }
            case .accept(let rule):
                note(Find(start: start, end: place, rule: rule))
            }
        }
    }

    /// Adds a match that ends at the present place, and makes one find of those that it overlaps.
    private mutating func note(_ match: Find) {
        guard match.start < match.end else { return }
        if match.start < openEnd {
            openEnd = match.end
            finds.removeAll()
            return
        }
        var match = match
        while let other = finds.last, other.end > match.start {
            // The one that begins first names the find.
            if other.start <= match.start { (match.start, match.rule) = (other.start, other.rule) }
            finds.removeLast()
        }
        finds.append(match)
    }

    /// Where the first thread began that may still change what is found. Behind a find that was let out, only more of it.
    private var undecidedFrom: Int { threads.first.map { max($0.start, openEnd) } ?? place }

    /// Lets out all that is decided.
    private mutating func release(to sink: (Piece) -> Void) {
        if place - undecidedFrom > maxHold {
            let start = place - maxHold
            for index in threads.indices where threads[index].start < start { threads[index].start = start }
        }
        while true {
            if openEnd > heldFrom { letOut(until: openEnd) { sink(.found($0)) } }
            guard let find = finds.first, find.start <= undecidedFrom else { break }
            letOut(until: find.start) { sink(.plain($0)) }
            sink(.find(rule: find.rule))
            openEnd = find.end
            finds.removeFirst()
        }
        letOut(until: undecidedFrom) { sink(.plain($0)) }
    }

    private mutating func letOut(until end: Int, _ sink: (ArraySlice<Unicode.Scalar>) -> Void) {
        guard end > heldFrom else { return }
        sink(buffer[(heldFrom - bufferFrom)..<(end - bufferFrom)])
        heldFrom = end
        // Seldom enough that moving what is left costs no more than it cost to read what goes.
        if heldFrom == place || heldFrom - bufferFrom > max(256, buffer.count / 2) {
            buffer.removeFirst(heldFrom - bufferFrom)
            bufferFrom = heldFrom
        }
    }
}
