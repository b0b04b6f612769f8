/// The members of a JSON object, in the order in which they were written.
///
/// A key that is written twice keeps its place and takes the last value, as JavaScript does.
package struct JSONObject: Sendable, Hashable {
    fileprivate struct Member: Sendable, Hashable {
        let key: String
        var value: JSONValue
    }

    private var members: [Member] = []
    /// Where each key stands; only kept for objects that are too large for a search.
    private var index: [String: Int] = [:]
    private static let searched = 16

    package init() {}

    package init(_ members: some Sequence<(String, JSONValue)>) {
        reserveCapacity(members.underestimatedCount)
        for (key, value) in members { append(key, value) }
    }

    package var count: Int { members.count }
    package var keys: [String] { members.map(\.key) }

    /// Setting nil removes the member.
    package subscript(key: String) -> JSONValue? {
        get { position(of: key).map { members[$0].value } }
        set {
            if let newValue {
                append(key, newValue)
            } else if let position = position(of: key) {
                var rest = members
                rest.remove(at: position)
                self = JSONObject(rest.map { ($0.key, $0.value) })
            }
        }
    }

    mutating func reserveCapacity(_ count: Int) { members.reserveCapacity(count) }

    mutating func append(_ key: String, _ value: JSONValue) {
        if let position = position(of: key) {
            members[position].value = value
            return
        }
        members.append(Member(key: key, value: value))
        if members.count > Self.searched {
            if index.isEmpty {
                index = Dictionary(uniqueKeysWithValues: zip(members.map(\.key), members.indices))
            } else {
                index[key] = members.count - 1
            }
        }
    }

    private func position(of key: String) -> Int? {
        index.isEmpty ? members.firstIndex { $0.key == key } : index[key]
    }
}

extension JSONObject: Sequence {
    package struct Iterator: IteratorProtocol {
        fileprivate var members: IndexingIterator<[Member]>

        package mutating func next() -> (String, JSONValue)? { members.next().map { ($0.key, $0.value) } }
    }

    package var underestimatedCount: Int { count }

    package func makeIterator() -> Iterator { Iterator(members: members.makeIterator()) }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, JSONValue)...) { self.init(elements) }
}
