import Foundation

/// What an `Accept` header would have (RFC 9110 section 12.5.1).
struct AcceptedTypes {
    /// Types and patterns of types, in lowercase, with how much each is wanted.
    private let ranges: [(type: String, weight: Double)]

    init(_ header: String?) {
        ranges = (header ?? "").split(separator: ",").map { part in
            let words = part.split(separator: ";", omittingEmptySubsequences: false).map {
                $0.trimmingCharacters(in: .whitespaces).lowercased()
            }
            let weight = words.dropFirst().first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) }
            return (words[0], weight ?? 1)
        }
    }

    /// Whether one is wanted more than another; no header wants all alike.
    func prefers(_ type: String, to other: String) -> Bool { weight(of: type) > weight(of: other) }

    /// The pattern that says most about it decides.
    private func weight(of type: String) -> Double {
        let family = type.prefix { $0 != "/" } + "/*"
        for pattern in [type, String(family), "*/*"] {
            if let range = ranges.first(where: { $0.type == pattern }) { return range.weight }
        }
        return 0
    }
}
