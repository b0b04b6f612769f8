import NIOCore
import NIOWebSocket
import Testing

@testable import WebSocketTransport

struct WebSocketHandlerKeepAliveTests {
    private func socket(_ role: WebSocket.Role = .server) throws -> EmbeddedSocket {
        var options = WebSocketOptions()
        options.pingInterval = .seconds(30)
        options.pongTimeout = .seconds(10)
        return try EmbeddedSocket(role, options: options)
    }

    @Test(arguments: [WebSocket.Role.server, .client]) func silentPeerIsPingedAndGivenUp(role: WebSocket.Role) throws {
        let socket = try socket(role)
        socket.advance(by: .seconds(29))
        #expect(try socket.sent() == nil)
        socket.advance(by: .seconds(1))
        #expect(try socket.sent()?.opcode == 9)
        socket.advance(by: .seconds(9))
        #expect(socket.delegate.closures.isEmpty)
        socket.advance(by: .seconds(1))
        #expect(socket.delegate.closures.first?.socketError == .pongTimedOut)
        #expect(socket.delegate.closures.first?.byPeer == false)
    }

    @Test func pongKeepsTheConnection() throws {
        let server = try socket()
        for _ in 0..<3 {
            server.advance(by: .seconds(30))
            #expect(try server.sent()?.opcode == 9)
            server.receive(.pong)
            server.advance(by: .seconds(10))
        }
        #expect(server.delegate.closures.isEmpty)
    }

    @Test func anyTrafficCountsAsLife() throws {
        let server = try socket()
        for _ in 0..<3 {
            server.receive(.text, "still here")
            server.advance(by: .seconds(30))
            #expect(try server.sent() == nil)
        }
    }

    @Test func pausedPeerIsNotGivenUp() throws {
        let server = try socket()
        server.advance(by: .seconds(30))
        server.socket.pauseReading()
        server.advance(by: .seconds(300))
        #expect(server.delegate.closures.isEmpty)
        server.socket.resumeReading()
        server.advance(by: .seconds(40))
        #expect(server.delegate.closures.first?.socketError == .pongTimedOut)
    }

    @Test func noPingsWithoutAnInterval() throws {
        var options = WebSocketOptions()
        options.pingInterval = nil
        let server = try EmbeddedSocket(options: options)
        server.advance(by: .hours(1))
        #expect(try server.sent() == nil)
        #expect(server.delegate.closures.isEmpty)
    }
}
