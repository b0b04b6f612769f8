import Logging
import MiddlewareKit
import PipelineEngine

/// Passes everything on.
private struct PassOn: Middleware {
    let handles: StagePaths
    func makeReplyTransform(for run: Run) -> ReplyTransformKind? { .immediate(PassText()) }
}

private struct PassText: ReplyTransform {
    mutating func feed(_ text: Substring) -> TextChange { .append(String(text)) }
    mutating func finish() -> TextChange { .append("") }
}

private struct SystemTime: TimeSource {
    private let clock = ContinuousClock()
    private let start = ContinuousClock.now
    var uptime: Duration { clock.now - start }
    var now: Timestamp { Timestamp(milliseconds: 0) }
    func sleep(for duration: Duration) async throws { try await clock.sleep(for: duration) }
}

private func chain(_ count: Int, _ handles: StagePaths, timeout: Duration? = nil, isQuick: Bool = true) -> Chain {
    let stages = (0..<count).map { index in
        Stage(
            name: "s\(index)", kind: "test", middleware: PassOn(handles: handles), timeout: timeout,
            executor: isQuick ? nil : globalConcurrentExecutor)
    }
    return Chain(stages: stages, time: SystemTime())
}

/// Prints what the engine itself costs.
func measureEngine() async throws {
    let context = MessageContext(
        id: "m", connection: ConnectionInfo(id: "c", remoteAddress: "127.0.0.1"), principal: Principal(user: "ada"),
        logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() })
    let chat = InboundMessage(
        kind: .chat, gateway: "home", sessionKey: "agent:main:web", text: "Where is my parcel?", runID: "r1")
    let sizes = [0, 1, 5, 20]

    func messages(_ name: String, _ handles: StagePaths, timeout: Duration? = nil, isQuick: Bool = true) async throws {
        var row: [Double] = []
        for size in sizes {
            let chain = chain(size, handles, timeout: timeout, isQuick: isQuick)
            row.append(
                try await measure(50_000) { count in
                    for _ in 0..<count { _ = try await chain.send(chat, context: context) { _, _ in } }
                })
        }
        printRow(name, row)
    }
    print("engine, ns of CPU for a message or a piece of text: with \(sizes) stages; for each of the last 20")
    try await messages("stages that have nothing to do with it", StagePaths(inbound: [.abort]))
    try await messages("pass-through", .all)
    try await messages("pass-through, not quick", .all, isQuick: false)
    try await messages("pass-through with a timeout", .all, timeout: .seconds(30))
    try await messages("pass-through with a timeout, not quick", .all, timeout: .seconds(30), isQuick: false)

    let run = Run(
        id: "r1", gateway: "home", sessionKey: "agent:main:web", startedAt: Timestamp(milliseconds: 0))
    var row: [Double] = []
    for size in sizes {
        let chain = chain(size, StagePaths(replyText: true))
        let piece = "a piece of a reply, as long as they are, "
        row.append(
            try await measure(200_000) { count in
                var reply = chain.makeReplyText(for: run, context: context)
                for _ in 0..<count { _ = try reply.feed(.append(piece)) }
            })
    }
    printRow("deltas through pass-through transforms", row)
}

private func printRow(_ name: String, _ row: [Double]) {
    let figures = row.map { "\(Int($0.rounded()))" }.joined(separator: ", ")
    print("\(name): \(figures); \(Int(((row[3] - row[0]) / 20).rounded()))")
}
