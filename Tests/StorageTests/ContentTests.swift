import Foundation
import MiddlewareKit
import Storage
import Testing

struct ContentTests {
    private func stored(_ record: MessageRecord) async throws -> [ParsedMessage.Block] {
        try await withDatabase { database in
            try await database.store(record, rows: [])
            return try await database.page().messages.flatMap(\.content)
        }
    }

    @Test func everyCharacterComesBackAsItWas() async throws {
        let controls = String(String.UnicodeScalarView((0..<0x20).compactMap(Unicode.Scalar.init)))
        let text = controls + "\u{7F}\"\\/\u{2028}\u{2029}\u{FFFD}é🙂e\u{301}"
        #expect(try await stored(record("r1", text: text)).map(\.text) == [text])
    }

    @Test func blocksFollowTheTextInTheirOrder() async throws {
        var answer = record("r1", role: .assistant, text: "hi")
        answer.blocks = [.thinking("hm \"x\""), .other(json: #"{"type":"image","text":"kept"}"#)]
        let blocks = try await stored(answer)
        #expect(blocks.map(\.type) == ["text", "thinking", "image"])
        #expect(blocks[1].thinking == "hm \"x\"")
        #expect(blocks[2].text == "kept")
    }

    @Test func anEmptyTextIsNoBlock() async throws {
        #expect(try await stored(record("r1", text: "")) == [])
    }

    /// The size is the same that events tell.
    @Test(arguments: [("AAAA", 3), ("iVBORw0KGgo=", 8), ("data:image/png;base64,QUJDRA==", 4)])
    func anAttachmentIsKeptWithoutItsBytes(content: String, size: Int) async throws {
        var message = record("r1")
        message.attachments = [Attachment(type: "image", mimeType: "image/png", fileName: "a.png", content: content)]
        let block = try #require(try await stored(message).last)
        #expect(block.type == "image" && block.mimeType == "image/png" && block.fileName == "a.png")
        #expect(block.bytes == size)
        #expect(block.omitted == true)
    }
}
