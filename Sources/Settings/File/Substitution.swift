import Files

/// Fills the environment into a text: `${NAME}`, `${NAME:-default}`, `${file:PATH}` for what a file holds, and `$${` for a
/// `${` that is meant as such.
///
/// What a variable or a file holds is never looked at again: not as YAML, and not for further variables.
enum Substitution: Equatable {
    /// There was nothing to do.
    case unchanged
    /// Only `$${` was replaced.
    case literal(String)
    /// The text holds what a variable or a file holds, and may be secret.
    case substituted(String)
    case failed([Problem])

    struct Problem: Equatable {
        var message: String
        var hint: String
    }

    /// - Parameters:
    ///   - contents: What a file holds; throws words to stand after "cannot read PATH: ".
    ///   - fillings: Gets what was filled in.
    static func apply(
        to text: String, environment: [String: String], contents: (_ path: String) throws(UnreadableFile) -> String,
        fillings: inout Fillings
    ) -> Substitution {
        var rest = Substring(text)
        var result = ""
        var problems: [Problem] = []
        var usesEnvironment = false
        var isFilled = false
        var holdsFile = false
        while let start = rest.firstRange(of: "${") {
            let before = rest[..<start.lowerBound]
            rest = rest[start.upperBound...]
            if before.hasSuffix("$") {
                result += before.dropLast() + "${"
                continue
            }
            result += before
            guard let end = rest.firstIndex(of: "}") else {
                let hint = "write ${NAME} or ${file:PATH}, or $${ for the characters as such"
                problems.append(Problem(message: "a `${` without `}`", hint: hint))
                break
            }
            usesEnvironment = true
            if rest[..<end].contains("${") {
                let message = "a `${…}` cannot stand in another one, nor in its default"
                let hint = "write one of them, and give that variable the value where the server is started"
                problems.append(Problem(message: message, hint: hint))
                break
            }
            switch value(of: rest[..<end], environment: environment, contents: contents) {
            case .success(let value):
                result += value.text
                guard !value.isDefault else { break }
                let isFile = rest.hasPrefix("file:")
                fillings.add(value.text, writtenAs: "${\(rest[..<end])}", isSecret: isFile)
                (isFilled, holdsFile) = (true, holdsFile || isFile)
            case .failure(let failure): problems.append(failure.problem)
            }
            rest = rest[rest.index(after: end)...]
        }
        if !problems.isEmpty { return .failed(problems) }
        result += rest
        if isFilled { fillings.add(result, writtenAs: text, isSecret: holdsFile) }
        if usesEnvironment { return .substituted(result) }
        return result == text ? .unchanged : .literal(result)
    }

    private struct Failure: Error {
        var problem: Problem
    }

    private struct Value {
        var text: String
        /// It stands in the file itself.
        var isDefault = false
    }

    /// What stands for `NAME` or `NAME:-default`. As in a shell, the default also stands for an empty variable.
    private static func value(
        of expression: Substring, environment: [String: String],
        contents: (_ path: String) throws(UnreadableFile) -> String
    ) -> Result<Value, Failure> {
        if expression.hasPrefix("file:") {
            do throws(UnreadableFile) {
                return .success(Value(text: try contents(String(expression.dropFirst(5)))))
            } catch {
                let hint = "write the path of a readable file, such as ${file:/run/secrets/token}"
                return .failure(Failure(problem: Problem(message: error.description, hint: hint)))
            }
        }
        let separator = expression.firstRange(of: ":-")
        let name = String(expression[..<(separator?.lowerBound ?? expression.endIndex)])
        let value = environment[name]
        guard isName(name) else {
            let problem = Problem(
                message: "`${…}` holds no name of an environment variable",
                hint: "write ${NAME} or ${NAME:-default}, with letters, digits and _ in the name"
            )
            return .failure(Failure(problem: problem))
        }
        if let separator {
            if let value, !value.isEmpty { return .success(Value(text: value)) }
            return .success(Value(text: String(expression[separator.upperBound...]), isDefault: true))
        }
        guard let value else {
            let problem = Problem(
                message: "the environment variable `\(name)` is not set",
                hint: "set it, or write ${\(name):-default}"
            )
            return .failure(Failure(problem: problem))
        }
        return .success(Value(text: value))
    }

    private static func isName(_ name: String) -> Bool {
        guard let first = name.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else {
            return false
        }
        return name.allSatisfy { $0 == "_" || $0.isASCII && ($0.isLetter || $0.isNumber) }
    }
}
