import JSON
import NIOCore
import OpenClawTesting
import Testing
import WebSocketTransport

@Suite(.timeLimit(.minutes(1))) struct SlowBrowserTests {
    private static let pieceBytes = 64 << 10
    /// Together more than the buffers of a loopback connection hold, and less than the longest reply.
    private static let pieces = 100

    /// Streams a long reply; increments only, as the whole text in every frame would take too long.
    private func stream(_ rig: Rig, to fast: Browser) async throws -> Turn {
        for number in 0..<Self.pieces {
            let text = String(repeating: ["a", "b", "c", "d"][number % 4], count: Self.pieceBytes)
            await rig.gateway.send(
                raw: #"{"type":"event","event":"chat","payload":{"runId":"r","sessionKey":"agent:main:s","#
                    + #""state":"delta","deltaText":"\#(text)"}}"#)
        }
        var turn = Turn()
        while turn.streamed.utf8.count < Self.pieces * Self.pieceBytes {
            turn.take(try await fast.next { $0["type"] == "chat" })
        }
        return turn
    }

    @Test func aSlowReaderGetsTheRestInOnePiece() async throws {
        try await withSlowBrowser { rig, run, fast, slow in
            let quick = try await stream(rig, to: fast)
            #expect(quick.deltas.count == Self.pieces)
            try await slow.resumeReading()
            var late = Turn()
            while late.streamed.utf8.count < quick.streamed.utf8.count {
                late.take(try await slow.next { $0["type"] == "chat" })
            }
            #expect(late.deltas.count < Self.pieces)
            #expect((late.streamed == quick.streamed) as Bool)
            await run.final(quick.streamed)
            late.take(try await slow.next { $0["type"] == "chat" })
            #expect((late.text == quick.streamed) as Bool)
            let sequence = late.sequence
            #expect(sequence == Set(sequence).sorted())
            #expect(try await fast.turn("r", after: quick.streamed).streamed == quick.streamed)
        }
    }

    @Test func theEndOfARunDoesNotOvertakeWhatWasMissed() async throws {
        try await withSlowBrowser { rig, run, fast, slow in
            let quick = try await stream(rig, to: fast)
            await run.final(quick.streamed)
            _ = try await fast.turn("r")
            try await slow.resumeReading()
            let late = try await slow.turn("r")
            #expect(late.deltas.count < Self.pieces)
            #expect((late.streamed == quick.streamed) as Bool)
            #expect((late.text == quick.streamed) as Bool)
            let sequence = late.sequence
            #expect(sequence == Set(sequence).sorted())
        }
    }

    /// A run that two browsers watch, of which one has stopped reading.
    private func withSlowBrowser(
        _ body: @escaping @Sendable (_ rig: Rig, _ run: FakeRun, _ fast: Browser, _ slow: Browser) async throws -> Void
    ) async throws {
        var options = Rig.Options()
        options.socket.maxQueuedBytes = 64 << 20
        try await Rig.run(options) { rig in
            let fast = try await rig.browser()
            let slow = try await rig.browser(receiveBuffer: 64 << 10)
            try await slow.subscribe()
            fast.chat("Hello")
            let run = try await rig.gateway.nextRun()
            _ = try await slow.next(state: "accepted")
            try await slow.pauseReading()
            try await body(rig, run, fast, slow)
        }
    }

    @Test func beyondTheBoundItIsClosed() async throws {
        var options = Rig.Options()
        // It reads the close frame as late as a busy machine lets it.
        options.socket.closeTimeout = .seconds(60)
        try await Rig.run(options) { rig in
            let fast = try await rig.browser()
            let slow = try await rig.browser(receiveBuffer: 64 << 10)
            try await slow.subscribe()
            fast.chat("Hello")
            let run = try await rig.gateway.nextRun()
            try await slow.pauseReading()
            let quick = try await stream(rig, to: fast)
            await run.final(quick.streamed)
            #expect(try await fast.turn("r", after: quick.streamed).text == quick.streamed)
            try await slow.resumeReading()
            #expect(try await slow.closeCode() == 4008)
            // On return, history tells the rest.
            let back = try await rig.browser()
            #expect(try await back.history().last?["content"]?.text == quick.streamed)
        }
    }
}
