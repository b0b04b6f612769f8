/// A condition as it is written, with variables in it: `user == "${NAME}"`. What a variable holds is one value and changes nothing
/// else, and what is wrong beside the variables can be told without showing what they hold.
struct ConditionFilling {
    /// The condition with a word of the same length in the place of each variable.
    private let plain: String
    private let variables: [Range<Int>]

    init(_ written: String) {
        var scalars = Array(written.unicodeScalars)
        var variables: [Range<Int>] = []
        var index = 0
        while index + 1 < scalars.count {
            guard scalars[index] == "$", scalars[index + 1] == "{", let end = scalars[index...].firstIndex(of: "}")
            else {
                index += 1
                continue
            }
            variables.append(index..<(end + 1))
            for place in index...end { scalars[place] = "x" }
            index = end + 1
        }
        plain = String(String.UnicodeScalarView(scalars))
        self.variables = variables
    }

    /// - Parameter text: The condition with what the variables hold.
    func problem(filledIn text: String) -> ConditionError? {
        // The variable may be the whole condition.
        guard let first = variables.first, variables != [0..<plain.unicodeScalars.count] else { return nil }
        let tokens: [ConditionToken]
        do throws(ConditionError) {
            tokens = try ConditionToken.all(of: plain)
            _ = try Condition(parsing: plain)
        } catch {
            // What stands for a variable may be no value of its kind; what it holds is looked at later.
            let isOfVariable = variables.contains { ($0.lowerBound - 1..<$0.upperBound).contains(error.offset) }
            if !isOfVariable { return error }
            return nil
        }
        guard (try? ConditionToken.all(of: text))?.map(\.shape) == tokens.map(\.shape) else {
            return ConditionError(
                offset: first.lowerBound, message: "what a variable holds here is more than one value",
                hint: "write \"${NAME}\" in quotes, for a value without quotes of its own")
        }
        return nil
    }
}

extension ConditionToken {
    /// The kind of the token, and what it says where no variable can stand.
    fileprivate var shape: String {
        switch kind {
        case .word: "word"
        case .text: "text"
        case .symbol(let symbol): symbol
        case .end: "end"
        }
    }
}
