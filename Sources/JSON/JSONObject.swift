/// The members of a JSON object, in the order in which they were written.
///
/// A key that is written twice keeps its place and takes the last value, as JavaScript does.
package struct JSONObject: Sendable, Hashable {
    private var keyList: [String] = []
    private var values: [JSONValue] = []
    /// Where each key stands; only kept for objects that are too large for a search.
    private var index: [String: Int] = [:]
    private static let searched = 16

    package init() {}

    package init(_ members: some Sequence<(String, JSONValue)>) {
        keyList.reserveCapacity(members.underestimatedCount)
        values.reserveCapacity(members.underestimatedCount)
        for (key, value) in members { append(key, value) }
    }

    package var count: Int { keyList.count }
    package var keys: [String] { keyList }

    /// Setting nil removes the member.
    package subscript(key: String) -> JSONValue? {
        get { position(of: key).map { values[$0] } }
        set {
            if let newValue {
                append(key, newValue)
            } else if let position = position(of: key) {
                let rest = zip(keyList, values).enumerated().filter { $0.offset != position }.map(\.element)
                self = JSONObject(rest)
            }
        }
    }

    mutating func append(_ key: String, _ value: JSONValue) {
        if let position = position(of: key) {
            values[position] = value
            return
        }
        keyList.append(key)
        values.append(value)
        if keyList.count > Self.searched {
            if index.isEmpty {
                index = Dictionary(uniqueKeysWithValues: zip(keyList, keyList.indices))
            } else {
                index[key] = keyList.count - 1
            }
        }
    }

    private func position(of key: String) -> Int? {
        index.isEmpty ? keyList.firstIndex(of: key) : index[key]
    }
}

extension JSONObject: Sequence {
    package func makeIterator() -> Zip2Sequence<[String], [JSONValue]>.Iterator {
        zip(keyList, values).makeIterator()
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, JSONValue)...) { self.init(elements) }
}
