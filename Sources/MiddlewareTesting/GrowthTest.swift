import Foundation
public import MiddlewareKit

/// Whether a middleware uses more and more memory.
public enum GrowthTest {
    /// How many bytes the process holds more after the last nine tenths of so many turns than before them. A turn is three
    /// messages: a chat with a new run, its reply in pieces, and the final; they come from a thousand users in a thousand sessions, so that
    /// tables with a bound of up to a thousand entries are full before measuring begins.
    ///
    /// It measures the whole process, in pages, so some hundred kilobytes say nothing: let nothing else run beside it (an exit
    /// test is a process of its own). On systems other than Linux it is 0.
    public static func growth(of middleware: any Middleware, turns: Int = 34_000) async throws -> Int {
        try await take(0..<(turns / 10), middleware)
        let before = usedBytes()
        try await take((turns / 10)..<turns, middleware)
        return usedBytes() - before
    }

    private static func take(_ turns: Range<Int>, _ middleware: any Middleware) async throws {
        let harness = StageHarness(middleware)
        for turn in turns {
            let (user, session) = ("user-\(turn % 1000)", "agent:main:\(turn % 1000)")
            let context = Sample.context(
                principal: Principal(user: user), connection: "connection-\(turn)", address: "10.0.\(turn % 250).1")
            let message = Sample.chat("Message \(turn % 1000)", session: session, runID: "run-\(turn)")
            let sent = await harness.send(message, context: context)
            let run = Sample.run("run-\(turn)", session: session, user: user)
            var reply = VisibleReply(middleware, run: run)
            try await reply.feed("An answer, ")
            try await reply.feed("number \(turn).")
            try await reply.finish()
            _ = await harness.deliver(Sample.event(run: run), context: sent.context ?? context)
        }
    }

    /// The memory that the process has in use, by Linux's own account.
    private static func usedBytes() -> Int {
        guard let pages = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")[1]
        else {
            return 0
        }
        return (Int(pages) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}
