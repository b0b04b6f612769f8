/// White space in UTF-8: what JavaScript's `trim` and `\s` take for it, since these are what OpenClaw uses.
extension RandomAccessCollection<UInt8> where Index == Int {
    /// The number of bytes of the white-space character that starts at `index`; 0 if another one does.
    func whiteSpaceLength(at index: Int) -> Int {
        let first = self[index]
        if first.isASCIIWhiteSpace { return 1 }
        if first < 0x80 { return 0 }
        if index + 1 < endIndex, isNoBreakSpace(first, self[index + 1]) { return 2 }
        if index + 2 < endIndex, isWideWhiteSpace(first, self[index + 1], self[index + 2]) { return 3 }
        return 0
    }

    /// The number of bytes of white space at the start.
    var leadingWhiteSpace: Int {
        var index = startIndex
        while index < endIndex {
            let length = whiteSpaceLength(at: index)
            if length == 0 { break }
            index += length
        }
        return index - startIndex
    }

    /// The number of bytes of white space at the end.
    var trailingWhiteSpace: Int {
        var end = endIndex
        while end > startIndex {
            if self[end - 1].isASCIIWhiteSpace {
                end -= 1
            } else if self[end - 1] < 0x80 {
                break
            } else if end - 2 >= startIndex, isNoBreakSpace(self[end - 2], self[end - 1]) {
                end -= 2
            } else if end - 3 >= startIndex, isWideWhiteSpace(self[end - 3], self[end - 2], self[end - 1]) {
                end -= 3
            } else {
                break
            }
        }
        return endIndex - end
    }

    /// True when there is nothing but white space.
    var isBlank: Bool { leadingWhiteSpace == count }
}

extension UInt8 {
    /// Tab, line feed, vertical tab, form feed, carriage return, space.
    var isASCIIWhiteSpace: Bool { self == 0x20 || (0x09...0x0D).contains(self) }
}

/// U+00A0.
private func isNoBreakSpace(_ first: UInt8, _ second: UInt8) -> Bool {
    first == 0xC2 && second == 0xA0
}

/// The space separators and line separators of three bytes, and the byte order mark.
private func isWideWhiteSpace(_ first: UInt8, _ second: UInt8, _ third: UInt8) -> Bool {
    switch (first, second, third) {
    case (0xE1, 0x9A, 0x80), (0xE2, 0x80, 0x80...0x8A), (0xE2, 0x80, 0xA8...0xA9), (0xE2, 0x80, 0xAF),
        (0xE2, 0x81, 0x9F), (0xE3, 0x80, 0x80), (0xEF, 0xBB, 0xBF):
        true
    default:
        false
    }
}
