/// A regular expression, taken apart.
indirect enum PatternSyntax: Sendable {
    case scalar(ScalarSet)
    case sequence([PatternSyntax])
    case anyOf([PatternSyntax])
    /// `max` nil: as often as it likes.
    case repeated(PatternSyntax, min: Int, max: Int?)
    case boundary(Boundary)

    /// A place between two scalars that must be of a kind.
    enum Boundary: Sendable {
        /// `\b`
        case wordEdge
        /// `\B`
        case noWordEdge
        /// Not between two scalars of one word: what stands around a searched word, which may begin or end with a sign.
        case wordBreak
        /// Not between two digits of one number.
        case numberBreak
        /// `^`
        case lineStart
        /// `$`
        case lineEnd

        func holds(between last: Unicode.Scalar?, and next: Unicode.Scalar?) -> Bool {
            switch self {
            case .wordEdge: (last?.isPartOfWord ?? false) != (next?.isPartOfWord ?? false)
            case .noWordEdge: (last?.isPartOfWord ?? false) == (next?.isPartOfWord ?? false)
            case .wordBreak: !((last?.isPartOfWord ?? false) && (next?.isPartOfWord ?? false))
            case .numberBreak: !((last?.isDigit ?? false) && (next?.isDigit ?? false))
            case .lineStart: last == nil || last == "\n"
            case .lineEnd: next == nil || next == "\n"
            }
        }
    }

    /// Whether the empty text matches.
    var matchesNothing: Bool {
        switch self {
        case .scalar: false
        case .boundary: true
        case .sequence(let parts): parts.allSatisfy(\.matchesNothing)
        case .anyOf(let choices): choices.contains(where: \.matchesNothing)
        case .repeated(let part, let min, _): min == 0 || part.matchesNothing
        }
    }
}

/// Why a regular expression cannot be used, to stand after "the pattern".
struct PatternProblem: Error, Sendable, Hashable {
    let words: String
}
