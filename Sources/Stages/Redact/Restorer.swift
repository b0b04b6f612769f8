import MiddlewareKit

/// Puts values back where their placeholders stand, in a reply that streams. It holds what may be the beginning of a
/// placeholder: a `[` and what follows it, for as long as that is no longer than the longest of them.
struct Restorer: ReplyTransform {
    private let values: [String: String]
    private let longest: Int
    private var held = ""

    /// - Parameter values: The values by their placeholders, such as `[EMAIL_1]`.
    init(_ values: [String: String]) {
        self.values = values
        longest = values.keys.map(\.unicodeScalars.count).max() ?? 0
    }

    var keptBack: Int? { held.utf8.count }

    mutating func feed(_ text: Substring) -> TextChange {
        var output = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if scalar == "[" {
                output.add(held.unicodeScalars)
                held = "["
            } else if held.isEmpty {
                output.append(scalar)
            } else {
                held.unicodeScalars.append(scalar)
                if scalar == "]" {
                    output.add((values[held] ?? held).unicodeScalars)
                    held = ""
                } else if held.unicodeScalars.count >= longest {
                    output.add(held.unicodeScalars)
                    held = ""
                }
            }
        }
        return .append(String(output))
    }

    mutating func finish() -> TextChange {
        defer { held = "" }
        return .append(held)
    }
}
