import JSON
import MiddlewareKit
import NIOCore

/// What a record looks like in its row.
extension MessageRecord {
    var contentJSON: String {
        var json = ByteBuffer()
        json.writeContent(text: text, blocks: blocks, attachments: attachments)
        return String(buffer: json)
    }

    /// For a session without title: the first line of the text, cut to 80 characters.
    var title: String? {
        let line = text.drop { $0.isWhitespace }.prefix { !$0.isNewline }.prefix(80)
        return line.isEmpty ? nil : String(line)
    }
}
