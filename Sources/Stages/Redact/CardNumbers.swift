extension Automaton.Builder {
    /// A rule for card numbers: 13 to 19 digits, the first one from 2 to 6, with a space or a hyphen between any two, whose
    /// check digit is right (ISO/IEC 7812-1, the Luhn formula).
    ///
    /// The check digit is found by the machine itself: a state is how many digits are still to come and the sum so far. How
    /// much a digit counts depends only on how many follow it.
    mutating func addCardNumbers(rule: Int) {
        let accept = add(.accept(rule: rule))
        let end = add(.require(.numberBreak, next: accept))
        let separator = ScalarSet(
            ScalarSet.Parts(ranges: [0x20...0x20, 0x2D...0x2D]), ignoresCase: false)
        /// For each sum, the state in which so many digits are still to come.
        var states = (0..<10).map { sum in sum == 0 ? end : add(.split([])) }
        for remaining in 1...19 {
            let digits = (0..<10).map { sum in
                add(
                    .choose(
                        ways(from: sum, doubling: remaining.isMultiple(of: 2), to: states), ignoresCase: false, end: nil
                    ))
            }
            if remaining >= 13 {
                let first = ways(from: 0, doubling: remaining.isMultiple(of: 2), to: states).filter {
                    (0x32...0x36).contains($0.key)
                }
                let begin = add(.choose(first, ignoresCase: false, end: nil))
                add(entry: add(.require(.numberBreak, next: begin)))
            }
            states = digits.map { digit in add(.split([digit, add(.take(separator, next: digit))])) }
        }
    }

    private func ways(from sum: Int, doubling: Bool, to states: [Int]) -> [UInt32: Int] {
        var ways: [UInt32: Int] = [:]
        for digit in 0..<10 {
            let worth = doubling ? digit * 2 / 10 + digit * 2 % 10 : digit
            ways[0x30 + UInt32(digit)] = states[(sum + worth) % 10]
        }
        return ways
    }
}
