import Foundation
import MiddlewareKit

extension ContentBlock {
    /// The block with all text in it sent through `change`: the words of a thinking block, every string value of another one,
    /// apart from what is data (base64). A block in which nothing changes stays as it came.
    func mappingText(_ change: (String) -> String) -> ContentBlock {
        switch self {
        case .thinking(let text):
            return .thinking(change(text))
        case .other(let json):
            guard let value = try? JSONSerialization.jsonObject(with: Data(json.utf8), options: .fragmentsAllowed)
            else {
                return self
            }
            var hasChanged = false
            let mapped = Self.map(value) { text in
                let changed = change(text)
                if changed != text { hasChanged = true }
                return changed
            }
            guard hasChanged,
                let data = try? JSONSerialization.data(
                    withJSONObject: mapped, options: [.fragmentsAllowed, .sortedKeys, .withoutEscapingSlashes])
            else { return self }
            return .other(json: String(decoding: data, as: UTF8.self))
        }
    }

    private static func map(_ value: Any, _ change: (String) -> String) -> Any {
        switch value {
        case let text as String: change(text)
        case let list as [Any]: list.map { map($0, change) }
        case let object as [String: Any]:
            // What a block is and which call it belongs to is for programs.
            Dictionary(
                uniqueKeysWithValues: object.map { key, value in
                    (key, ["data", "id", "type", "mimeType"].contains(key) ? value : map(value, change))
                })
        default: value
        }
    }
}
