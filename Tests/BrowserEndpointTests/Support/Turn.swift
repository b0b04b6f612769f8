import JSON
import OpenClawTesting

/// What a browser got of one run, frame by frame.
struct Turn {
    private(set) var frames: [JSONValue] = []
    /// The deltas, joined as the protocol says.
    private(set) var streamed = ""

    var last: JSONValue { frames.last ?? .null }
    /// The states, each once where it begins.
    var states: [String] {
        frames.compactMap { $0["state"]?.string }.reduce(into: []) { if $0.last != $1 { $0.append($1) } }
    }
    var deltas: [JSONValue] { frames.filter { $0["state"] == "delta" } }
    var sequence: [Int] { frames.compactMap { $0["seq"]?.int } }
    var sessionKeys: Set<String> { Set(frames.compactMap { $0["sessionKey"]?.string }) }
    /// The text of the terminal frame.
    var text: String { last["message"]?["content"]?.text ?? "" }
    var isOver: Bool { ["final", "aborted", "error"].contains(last["state"]?.string) }
    /// Whether every `seq` is above the one before it.
    var isRising: Bool { zip(sequence, sequence.dropFirst()).allSatisfy { $0 < $1 } }

    init(_ text: String = "") { streamed = text }

    mutating func take(_ frame: JSONValue) {
        frames.append(frame)
        guard frame["state"] == "delta" else { return }
        if frame["replace"] == true { streamed = "" }
        streamed += frame["text"]?.string ?? ""
    }
}

extension JSONValue {
    /// The text blocks of a content, joined.
    var text: String { array?.compactMap { $0["text"]?.string }.joined() ?? "" }
}

extension Browser {
    /// The frames of a run up to its end.
    ///
    /// - Parameter text: What this browser knows of the run already.
    func turn(_ runID: String, after text: String = "") async throws -> Turn {
        var turn = Turn(text)
        while !turn.isOver {
            turn.take(try await next { $0["type"] == "chat" && $0["runId"]?.string == runID })
        }
        return turn
    }

    func chat(_ message: String, in session: String = "s", run: String = "r") {
        send([
            "type": "chat", "sessionKey": .string(session), "message": .string(message),
            "idempotencyKey": .string(run), "id": "c",
        ])
    }

    /// Watches a session, and returns the runs that are under way in it.
    @discardableResult
    func subscribe(_ session: String = "s") async throws -> [JSONValue] {
        send(["type": "subscribe", "sessionKey": .string(session), "id": "w"])
        return try await result()["runs"]?.array ?? []
    }

    /// The payload of the next `result`.
    func result() async throws -> JSONValue { try await next(type: "result")["payload"] ?? .null }

    /// The stored messages of a session.
    func history(_ session: String = "s") async throws -> [JSONValue] {
        send(["type": "history", "sessionKey": .string(session), "id": "h"])
        return try await result()["messages"]?.array ?? []
    }
}

extension Rig {
    /// A browser that was greeted.
    func browser(headers: [(String, String)] = [], receiveBuffer: Int? = nil) async throws -> Browser {
        let browser = try await Browser.connect(port: port, headers: headers, receiveBuffer: receiveBuffer)
        _ = try await browser.next(type: "hello")
        return browser
    }

    /// A browser that wrote "Hello", and the run that answers it, of which the browser has got the first piece.
    func answering(_ piece: String) async throws -> (Browser, FakeRun) {
        let browser = try await browser()
        browser.chat("Hello")
        let run = try await gateway.nextRun()
        await run.delta(piece)
        _ = try await browser.next(state: "delta")
        return (browser, run)
    }
}
