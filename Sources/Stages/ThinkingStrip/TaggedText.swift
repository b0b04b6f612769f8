/// What a tag does to the depth of blocks.
enum TagKind { case opening, closing, selfClosing }

/// A stretch of text, in UTF-8, and the tags in it that count.
struct TaggedText {
    struct Tag {
        var range: Range<Int>
        let kind: TagKind
    }

    private(set) var bytes: [UInt8] = []
    /// In the order of the text. They do not overlap.
    private(set) var tags: [Tag] = []

    /// The text without the tags.
    var withoutTags: [UInt8] {
        guard !tags.isEmpty else { return bytes }
        var result: [UInt8] = []
        var end = 0
        for tag in tags {
            result += bytes[end..<tag.range.lowerBound]
            end = tag.range.upperBound
        }
        return result + bytes[end...]
    }

    /// Adds text; with a kind, it is a tag.
    mutating func append(_ text: some Collection<UInt8>, tag kind: TagKind?) {
        let start = bytes.count
        bytes.append(contentsOf: text)
        if let kind { tags.append(Tag(range: start..<bytes.count, kind: kind)) }
    }

    mutating func append(_ other: TaggedText) {
        let start = bytes.count
        bytes.append(contentsOf: other.bytes)
        for tag in other.tags {
            tags.append(Tag(range: start + tag.range.lowerBound..<start + tag.range.upperBound, kind: tag.kind))
        }
    }

    /// Makes plain text of the tags that start at or after `index`.
    mutating func removeTags(from index: Int) {
        while let tag = tags.last, tag.range.lowerBound >= index { tags.removeLast() }
    }

    /// Makes plain text of the tags that start in one of the regions, which are in order.
    mutating func removeTags(in regions: [Range<Int>]) {
        var regions = regions[...]
        tags.removeAll { tag in
            while let region = regions.first, region.upperBound <= tag.range.lowerBound { regions.removeFirst() }
            return regions.first?.contains(tag.range.lowerBound) ?? false
        }
    }
}
