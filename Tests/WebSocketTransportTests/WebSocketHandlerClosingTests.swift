import NIOCore
import NIOEmbedded
import NIOWebSocket
import Testing

@testable import WebSocketTransport

struct WebSocketHandlerClosingTests {
    /// What a peer sends, and the code it must get for it.
    struct Violation: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]
        let code: UInt16
        var role = WebSocket.Role.server
    }

    /// A masking key of zeros leaves the payload readable here.
    static let zeroKey: [UInt8] = [0, 0, 0, 0]

    static let violations = [
        Violation(testDescription: "client frame without mask", bytes: [0x81, 0x01, 0x61], code: 1002),
        Violation(
            testDescription: "server frame with mask", bytes: [0x81, 0x81] + zeroKey + [0x61], code: 1002, role: .client
        ),
        Violation(testDescription: "RSV1", bytes: [0xC1, 0x80] + zeroKey, code: 1002),
        Violation(testDescription: "RSV2", bytes: [0xA1, 0x80] + zeroKey, code: 1002),
        Violation(testDescription: "RSV3 on a control frame", bytes: [0x99, 0x80] + zeroKey, code: 1002),
        Violation(testDescription: "opcode 3", bytes: [0x83, 0x80] + zeroKey, code: 1002),
        Violation(testDescription: "opcode 11", bytes: [0x8B, 0x80] + zeroKey, code: 1002),
        Violation(testDescription: "fragmented ping", bytes: [0x09, 0x80] + zeroKey, code: 1002),
        Violation(testDescription: "long ping", bytes: [0x89, 0xFE, 0x00, 0x7E] + zeroKey, code: 1002),
        Violation(testDescription: "continuation first", bytes: [0x80, 0x80] + zeroKey, code: 1002),
        Violation(
            testDescription: "text inside of a message",
            bytes: [0x01, 0x80] + zeroKey + [0x81, 0x80] + zeroKey,
            code: 1002
        ),
        Violation(testDescription: "close code of one byte", bytes: [0x88, 0x81] + zeroKey + [0x03], code: 1002),
        Violation(testDescription: "close code 1005", bytes: [0x88, 0x82] + zeroKey + [0x03, 0xED], code: 1002),
        Violation(testDescription: "close reason", bytes: [0x88, 0x83] + zeroKey + [0x03, 0xE8, 0xFF], code: 1007),
        Violation(testDescription: "text", bytes: [0x81, 0x81] + zeroKey + [0xFF], code: 1007),
        Violation(
            testDescription: "text in fragments",
            bytes: [0x01, 0x81] + zeroKey + [0xC3] + [0x80, 0x81] + zeroKey + [0x28],
            code: 1007
        ),
        Violation(testDescription: "announces too much", bytes: [0x82, 0xFE, 0x01, 0x01] + zeroKey, code: 1009),
        Violation(
            testDescription: "announces 2^63 bytes",
            bytes: [0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0] + zeroKey,
            code: 1009
        ),
    ]

    @Test(arguments: violations) func violationClosesWithItsCode(_ violation: Violation) throws {
        var options = WebSocketOptions()
        options.maxMessageBytes = 256
        let socket = try EmbeddedSocket(violation.role, options: options)
        socket.receive(ByteBuffer(bytes: violation.bytes))
        #expect(try socket.sent()?.closeCode == violation.code)
        #expect(try socket.sent() == nil)
        #expect(socket.delegate.messages.isEmpty)

        // The connection stays for the peer to read why.
        socket.receive(.text, "ignored")
        #expect(socket.delegate.closures.isEmpty)
        socket.advance(by: options.closeTimeout)
        #expect(socket.delegate.messages.isEmpty)
        #expect(socket.delegate.closures.count == 1)
        let closure = try #require(socket.delegate.closures.first)
        #expect(closure.code == violation.code)
        #expect(!closure.byPeer)
        #expect(closure.socketError == .violation(code: violation.code, reason: closure.reason))
    }

    @Test func peerCloses() throws {
        let server = try EmbeddedSocket()
        var payload = ByteBuffer(integer: UInt16(4001))
        payload.writeString("bye")
        server.receive(.connectionClose, payload)
        #expect(try server.sent()?.payload == payload)
        let closure = try #require(server.delegate.closures.first)
        #expect(closure.code == 4001)
        #expect(closure.reason == "bye")
        #expect(closure.byPeer)
        #expect(closure.error == nil)
        #expect(!server.channel.isActive)
    }

    @Test func closeWithoutCodeIsAnsweredWithoutCode() throws {
        let client = try EmbeddedSocket(.client)
        client.receive(.connectionClose)
        let answer = try #require(try client.sent())
        #expect(answer.opcode == 8)
        #expect(answer.isMasked)
        #expect(answer.payload.readableBytes == 0)
        #expect(client.delegate.closures.first?.code == nil)
    }

    @Test func ownCloseWaitsForTheAnswer() throws {
        let server = try EmbeddedSocket()
        server.socket.send(text: ByteBuffer(string: "last"))
        server.socket.close(code: 1001, reason: "restart")
        server.socket.send(text: ByteBuffer(string: "too late"))
        server.socket.flush()
        #expect(try server.sent()?.text == "last")
        #expect(try server.sent()?.closeCode == 1001)
        #expect(try server.sent() == nil)

        server.receive(.text, "ignored")
        #expect(server.delegate.closures.isEmpty)
        server.receive(.connectionClose, ByteBuffer(integer: UInt16(1001)))
        #expect(server.delegate.messages.isEmpty)
        let closure = try #require(server.delegate.closures.first)
        #expect(closure.code == 1001)
        #expect(closure.reason == "restart")
        #expect(!closure.byPeer)
        #expect(closure.error == nil)
    }

    @Test func closeIsCutWhenThePeerDoesNotAnswer() throws {
        let server = try EmbeddedSocket()
        server.socket.close(code: 1000, reason: "")
        server.advance(by: .milliseconds(4999))
        #expect(server.channel.isActive)
        server.advance(by: .milliseconds(1))
        #expect(!server.channel.isActive)
        #expect(server.delegate.closures.map(\.code) == [1000])
    }

    @Test func closeReadsAgainWhenReadingWasPaused() throws {
        let server = try EmbeddedSocket()
        server.socket.pauseReading()
        server.socket.close(code: 1000, reason: "")
        #expect(server.autoRead == true)
    }

    @Test func closingTwiceSendsOneFrame() throws {
        let server = try EmbeddedSocket()
        server.socket.close(code: 1000, reason: "")
        server.socket.close(code: 1001, reason: "")
        #expect(try server.sent()?.closeCode == 1000)
        #expect(try server.sent() == nil)
    }

    @Test func closingInsideOfAMessageStopsTheOthersOfTheBurst() throws {
        let server = try EmbeddedSocket()
        server.delegate.onMessage = { socket, _ in socket.close(code: 1008, reason: "no") }
        var segment = server.peerFrame(.text, ByteBuffer(string: "a"))
        segment.writeImmutableBuffer(server.peerFrame(.text, ByteBuffer(string: "b")))
        server.receive(segment)
        #expect(server.delegate.texts == ["a"])
    }
}
