/// What a redact stage looks for: the rules, and what their placeholders are called.
struct PrivateValues: Sendable {
    let automaton: Automaton
    /// The word in the placeholder of each rule: `EMAIL`.
    let names: [String]

    /// What is held of a reply while it may become a value: more than the beginning of any that can be told by it.
    static let maxHold = 400

    /// - Throws: ``PatternProblem`` when a pattern cannot be used.
    init(_ options: RedactOptions) throws(PatternProblem) {
        var builder = Automaton.Builder()
        var names: [String] = []
        for value in RedactOptions.Value.allCases where options.values.contains(value) {
            if value == .card { builder.addCardNumbers(rule: names.count) }
            for pattern in value.patterns {
                try builder.add(PatternParser.parse(pattern, ignoresCase: false), rule: names.count)
            }
            names.append(value.rawValue.uppercased())
        }
        for (name, pattern) in options.patterns.sorted(by: { $0.key < $1.key }) {
            try builder.add(PatternParser.parse(pattern.text, ignoresCase: false), rule: names.count)
            names.append(String(name.uppercased().map { $0 == "-" ? "_" : $0 }))
        }
        self.names = names
        automaton = Automaton(builder)
    }

    /// The text with the answer of `placeholder` in the place of each value.
    func replacing(in text: String, with placeholder: (_ name: String, _ value: String) -> String) -> String {
        var scanner = TextScanner(automaton, maxHold: .max)
        var result = String.UnicodeScalarView()
        var value: (name: String, text: String.UnicodeScalarView)?
        func endValue() {
            guard let ended = value else { return }
            result.add(placeholder(ended.name, String(ended.text)).unicodeScalars)
            value = nil
        }
        func add(_ piece: TextScanner.Piece) {
            switch piece {
            case .plain(let scalars):
                endValue()
                result.add(scalars)
            case .find(let rule):
                endValue()
                value = (names[rule], String.UnicodeScalarView())
            case .found(let scalars): value?.text.add(scalars)
            }
        }
        scanner.feed(text[...], to: add)
        scanner.finish(to: add)
        endValue()
        return String(result)
    }

    /// Whether a name can stand in a placeholder.
    static func isName(_ name: String) -> Bool {
        (1...20).contains(name.count) && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
    }
}

extension RedactOptions.Value {
    /// What the values look like; card numbers have a check digit, which no pattern can see.
    var patterns: [String] {
        switch self {
        case .card: []
        case .email:
            [#"\b[A-Za-z0-9._%+\-]{1,64}@(?:[A-Za-z0-9\-]{1,63}\.){1,8}[A-Za-z]{2,24}\b"#]
        case .phone:
            [
                // +49 30 1234567, 0049 (30) 123 45 67
                #"(?:\+|\b00)[1-9](?:[ ./\-]?[()]?[ ]?\d){6,14}\b"#,
                // (555) 123-4567, 555-123-4567
                #"(?:\(\d{3}\) ?|\b\d{3}[ .\-])\d{3}[ .\-]\d{4}\b"#,
                // 030 1234567, 0171/123 45 67
                #"\b0\d{2,4}[ /\-]\d{3,4}(?:[ \-]?\d{2,4}){1,2}\b"#,
            ]
        case .key:
            [
                #"\bsk-[A-Za-z0-9_\-]{16,}"#, #"\b(?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{10,}"#,
                #"\bsluice_[A-Za-z0-9]{8,32}_[A-Za-z0-9]{20,}"#, #"\bgh[pousr]_[A-Za-z0-9]{30,}"#,
                #"\bgithub_pat_[A-Za-z0-9_]{20,}"#, #"\bglpat-[A-Za-z0-9_\-]{20,}"#,
                #"\bxox[abeprs]-[A-Za-z0-9\-]{10,}"#,
                #"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"#, #"\bAIza[0-9A-Za-z_\-]{35}"#, #"\bhf_[A-Za-z0-9]{30,}"#,
                #"\bnpm_[A-Za-z0-9]{30,}"#, #"\beyJ[A-Za-z0-9_\-=]{10,}(?:\.[A-Za-z0-9_\-=]+)*"#,
                #"\b[Bb]earer [A-Za-z0-9._~+/\-]{20,}=*"#,
                #"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----[A-Za-z0-9+/=\s]*(?:-----END [A-Z ]{0,20}PRIVATE KEY-----)?"#,
            ]
        }
    }
}
