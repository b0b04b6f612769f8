import JSON
import MiddlewareKit
import Testing
import Webhooks

@Suite struct MessageEventTests {
    @Test(arguments: [
        ("", 0), ("QQ==", 1), ("QUI=", 2), ("QUJD", 3), ("QUJDRA==", 4), ("data:image/png;base64,QUJDRA==", 4),
    ])
    func filesHaveTheirOwnSize(content: String, size: Int64) throws {
        var record = MessageRecord(
            gateway: "home", sessionKey: "agent:main:one", owner: "ada", role: .user, runID: "r", text: "Look.",
            timestamp: Timestamp(milliseconds: 0))
        record.attachments = [Attachment(type: "image", mimeType: "image/png", content: content)]
        let event = try JSONValue(parsing: WebhookEvent.payload(of: record, user: "ada", content: .text))
        #expect(event["data"]?["message"]?["attachments"]?[0]?["bytes"] == .integer(size))
    }
}
