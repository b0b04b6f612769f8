#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Makes the increments of one run out of what the gateway sends: cumulative snapshots, or pieces of text.
///
/// It keeps the last snapshot **escaped**, as it stood in the frame. When the next one starts with the same bytes, as
/// it nearly always does, only what is behind them is unescaped: a long reply costs a memory comparison per frame.
struct ReplyProgress {
    /// The text of a run above this size fails the run; in escaped bytes.
    static let textLimit = 8 << 20

    enum Failure: Error, Equatable {
        /// A wrong escape in a string.
        case malformed
        /// The text is longer than `textLimit`.
        case tooLong
    }

    /// The text so far, escaped, without `openSurrogate`.
    private var raw: [UInt8] = []
    /// An escaped high surrogate at the end of the text, which waits for its other half.
    private var openSurrogate: [UInt8] = []
    /// Nothing of the current text was let out, because it may become a silent token.
    private var isWithheld = true
    /// Something was let out that a replacement must take back.
    private var hasShownText = false

    /// The whole text so far, with what is withheld.
    var text: String { raw.withUnsafeBytes { EscapedText.unescape($0) } ?? "" }

    /// Takes what one delta says, all escaped. `snapshot` wins over `delta` (OpenClaw protocol: delta semantics).
    ///
    /// - Parameter replaces: `delta` is the whole text and not an increment.
    /// - Returns: What to show, or nil when there is nothing new. After an error the progress is as before.
    mutating func apply(
        snapshot: UnsafeRawBufferPointer?,
        delta: UnsafeRawBufferPointer?,
        replaces: Bool
    ) throws(Failure) -> TextIncrement? {
        if let snapshot, !snapshot.isEmpty {
            return try take(whole: snapshot, piece: replaces ? nil : delta)
        }
        guard let delta else { return nil }
        if replaces { return try take(whole: delta, piece: nil) }
        guard !openSurrogate.isEmpty else { return try append(delta) }
        return try (openSurrogate + delta).withUnsafeBufferPointer { (joined) throws(Failure) in
            try append(UnsafeRawBufferPointer(joined))
        }
    }

    /// The run has ended without a message: what was withheld, unless it is a silent token after all.
    mutating func release() -> TextIncrement? {
        guard isWithheld else { return nil }
        let text = text
        guard !text.trimmed.isEmpty, !SilentReply.isToken(text) else { return nil }
        isWithheld = false
        return .append(text)
    }

    private mutating func take(
        whole: UnsafeRawBufferPointer,
        piece: UnsafeRawBufferPointer?
    ) throws(Failure) -> TextIncrement? {
        if raw.withUnsafeBytes({ whole.starts(withBytesOf: $0) }) {
            return try append(UnsafeRawBufferPointer(rebasing: whole[raw.count...]))
        }
        guard whole.count <= Self.textLimit else { throw .tooLong }
        // No extension byte by byte. The same text can be escaped in another way.
        let body = UnsafeRawBufferPointer(rebasing: whole[..<EscapedText.countWithoutOpenSurrogate(whole)])
        guard let new = EscapedText.unescape(body) else { throw .malformed }
        let old = text
        if new.utf8.starts(with: old.utf8) {
            keep(whole, bodyCount: body.count)
            return show(added: String(decoding: new.utf8.dropFirst(old.utf8.count), as: UTF8.self))
        }
        // Some servers put the increment where the snapshot belongs. They can be told by sending it twice.
        if let piece, piece.count == whole.count, piece.starts(withBytesOf: whole) {
            return try append(piece)
        }
        keep(whole, bodyCount: body.count)
        return showReplacement(new)
    }

    /// Takes what follows `raw`.
    private mutating func append(_ added: UnsafeRawBufferPointer) throws(Failure) -> TextIncrement? {
        let count = EscapedText.countWithoutOpenSurrogate(added)
        let body = UnsafeRawBufferPointer(rebasing: added[..<count])
        guard raw.count + added.count <= Self.textLimit else { throw .tooLong }
        guard let text = EscapedText.unescape(body) else { throw .malformed }
        raw.append(contentsOf: body)
        openSurrogate = Array(added[count...])
        return show(added: text)
    }

    private mutating func keep(_ whole: UnsafeRawBufferPointer, bodyCount: Int) {
        raw = Array(whole[..<bodyCount])
        openSurrogate = Array(whole[bodyCount...])
    }

    private mutating func show(added: String) -> TextIncrement? {
        if isWithheld {
            if mayBecomeSilent { return nil }
            isWithheld = false
            hasShownText = true
            return .append(text)
        }
        return added.isEmpty ? nil : .append(added)
    }

    private mutating func showReplacement(_ text: String) -> TextIncrement? {
        let takesBack = hasShownText
        isWithheld = mayBecomeSilent
        hasShownText = !isWithheld
        if takesBack { return .replace(isWithheld ? "" : text) }
        return isWithheld ? nil : .append(text)
    }

    private var mayBecomeSilent: Bool {
        raw.count <= SilentReply.longestPrefix && SilentReply.isPrefix(text)
    }
}

extension UnsafeRawBufferPointer {
    func starts(withBytesOf other: UnsafeRawBufferPointer) -> Bool {
        guard let start = other.baseAddress, !other.isEmpty else { return true }
        guard let own = baseAddress, count >= other.count else { return false }
        return memcmp(own, start, other.count) == 0
    }
}
