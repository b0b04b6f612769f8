import MiddlewareKit

/// The text of a file, known to be UTF-8 without control characters.
struct SourceText {
    let file: String
    private(set) var scalars: [Unicode.Scalar] = []
    /// The number of the first scalar of each line.
    private var lineStarts = [0]

    /// Nil, and an error with the place of the first bad byte, when it is no such text. A byte order mark is skipped.
    init?(bytes: [UInt8], file: String, findings: inout Findings) {
        self.file = file
        let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
        var remaining = bytes.dropFirst(bytes.starts(with: byteOrderMark) ? 3 : 0).makeIterator()
        var parser = Unicode.UTF8.ForwardParser()
        reading: while true {
            switch parser.parseScalar(from: &remaining) {
            case .valid(let encoded):
                let scalar = Unicode.UTF8.decode(encoded)
                scalars.append(scalar)
                guard scalar.isAllowedInYAML else {
                    let code = String(scalar.value, radix: 16, uppercase: true)
                    let message = "the file holds a control character (code \(code), hexadecimal)"
                    findings.error(at: position(of: scalars.count - 1), message, hint: "delete it")
                    return nil
                }
            case .emptyInput:
                break reading
            case .error:
                scalars.append("?")
                let place = position(of: scalars.count - 1)
                findings.error(at: place, "the file is not UTF-8 text from here on", hint: "save it as UTF-8")
                return nil
            }
        }
        for index in scalars.indices where endsLine(index) { lineStarts.append(index + 1) }
    }

    var text: String { String(String.UnicodeScalarView(scalars)) }

    /// The place of a scalar.
    func position(of index: Int) -> SourcePosition {
        var position = SourcePosition(file: file, line: 1, column: 1)
        for place in 0..<index {
            if endsLine(place) {
                position.line += 1
                position.column = 1
            } else {
                position.column += 1
            }
        }
        return position
    }

    /// The number of the scalar at a place, or nil when the text has no such place.
    func index(of position: SourcePosition) -> Int? {
        guard let start = startOfLine(position.line), start + position.column <= scalars.count else { return nil }
        return start + position.column - 1
    }

    /// The scalars of a line, without its end.
    func line(_ number: Int) -> ArraySlice<Unicode.Scalar> {
        guard let start = startOfLine(number) else { return [] }
        return scalars[start...].prefix { !Self.lineEnds.contains($0) }
    }

    /// Where each line of a scalar's text stands: without its quotes, the head of a block and the indentation. It ends
    /// where the file writes the text in another way, such as with an escape.
    func places(of text: String, from start: SourcePosition) -> [TextPlace] {
        guard var index = index(of: start) else { return [] }
        var place = start
        func skip() {
            place.column += 1
            if endsLine(index) { (place.line, place.column) = (place.line + 1, 1) }
            index += 1
        }
        func skipSpace() { while index < scalars.count, Self.isSpace(scalars[index]) { skip() } }
        if index < scalars.count, ["\"", "'"].contains(scalars[index]) {
            skip()
        } else if index < scalars.count, ["|", ">"].contains(scalars[index]) {
            while index < scalars.count, !Self.lineEnds.contains(scalars[index]) { skip() }
            skipSpace()
        }
        var places = [TextPlace(offset: 0, position: place)]
        var rest = text.unicodeScalars.enumerated().makeIterator()
        var next = rest.next()
        while let (_, scalar) = next, index < scalars.count {
            if scalar == scalars[index], !Self.lineEnds.contains(scalar) {
                skip()
                next = rest.next()
            } else if Self.isSpace(scalar), Self.isSpace(scalars[index]) {
                skipSpace()
                while let (_, scalar) = next, Self.isSpace(scalar) { next = rest.next() }
                if let next { places.append(TextPlace(offset: next.offset, position: place)) }
            } else {
                break
            }
        }
        return places
    }

    private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        scalar == " " || scalar == "\t" || lineEnds.contains(scalar)
    }

    mutating func replace(_ index: Int, with scalar: Unicode.Scalar) {
        scalars[index] = scalar
    }

    private func startOfLine(_ number: Int) -> Int? {
        lineStarts.indices.contains(number - 1) ? lineStarts[number - 1] : nil
    }

    /// What YAML 1.1 takes for the end of a line.
    static let lineEnds: Set<Unicode.Scalar> = ["\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"]

    private func endsLine(_ index: Int) -> Bool {
        guard Self.lineEnds.contains(scalars[index]) else { return false }
        // The line ends with the second of `\r\n`.
        return !(scalars[index] == "\r" && index + 1 < scalars.count && scalars[index + 1] == "\n")
    }
}

extension Unicode.Scalar {
    /// YAML 1.1 section 5.1, "Character Set".
    fileprivate var isAllowedInYAML: Bool {
        switch value {
        case 0x09, 0x0A, 0x0D, 0x20...0x7E, 0x85, 0xA0...0xD7FF, 0xE000...0xFEFE, 0xFF00...0xFFFD, 0x10000...: true
        default: false
        }
    }
}
