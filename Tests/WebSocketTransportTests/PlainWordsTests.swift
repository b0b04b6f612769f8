import Foundation
import NIOCore
import Testing

@testable import WebSocketTransport

/// Errors of the system are told without its internals.
@Suite struct PlainWordsTests {
    @Test(arguments: [
        (ECONNRESET, "the connection was reset"), (EPIPE, "the other side had closed the connection"),
        (ETIMEDOUT, "the other side does not answer any more"), (EHOSTUNREACH, "there is no way to the host"),
        (9999, "the connection broke (error 9999)"),
    ])
    func errorsOfTheSystem(code: CInt, words: String) {
        let error = IOError(errnoCode: code, reason: "read(descriptor:pointer:size:)")
        #expect(PlainWords.describe(error) == words)
    }

    @Test func otherErrors() {
        #expect(PlainWords.describe(ChannelError.eof) == "the connection ended")
        #expect(PlainWords.describe(ChannelError.connectTimeout(.seconds(1))) == "it did not answer in time")
        #expect(PlainWords.describe(WebSocketError.pongTimedOut) == "the peer did not answer a ping in time")
        #expect(PlainWords.describe(CancellationError()) == "the connection broke")
    }
}
