// How long questions about figures take: a million messages of thirty days, 200 users, 12 agents of 3 gateways, 5 models.
// Prints a row for each question: the median and the longest of 20 answers, and the CPU time of one, which tells the same on a
// busy machine.
//
//     swift run -c release AnalyticsBenchmarks

import Analytics
import Foundation
import MiddlewareKit
import Storage

let days: Int64 = 30
let turns = 500_000
let now = Timestamp(milliseconds: 1_767_225_600_000).minute + 43_200
let folder = FileManager.default.temporaryDirectory.appending(path: "sluice-analytics-\(UUID().uuidString)")
defer { try? FileManager.default.removeItem(at: folder) }
let database = try Database.open(
    path: folder.appending(path: "bench.db").path(), synchronous: .normal, busyTimeout: .seconds(5))

/// Numbers that look random and are the same in every run (SplitMix64).
struct Numbers: RandomNumberGenerator {
    var state: UInt64 = 1

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var bits = state
        bits = (bits ^ (bits >> 30)) &* 0xbf58_476d_1ce4_e5b9
        bits = (bits ^ (bits >> 27)) &* 0x94d0_49bb_1331_11eb
        return bits ^ (bits >> 31)
    }
}

var numbers = Numbers()
print("making \(turns * 2) messages ...")
for day in 0..<days {
    var batch = AnalyticsBatch(cells: [:], countedUntil: Timestamp(milliseconds: 0), recent: [])
    for _ in 0..<(turns / Int(days)) {
        let agent = Int.random(in: 0..<12, using: &numbers)
        let user = "user-\(Int.random(in: 0..<200, using: &numbers))"
        let minute = now - (days - day) * 86_400 + Int64.random(in: 0..<1440, using: &numbers) * 60
        let key = AnalyticsKey(gateway: "gateway-\(agent % 3)", agent: "agent-\(agent)", user: user)
        batch.cells[AnalyticsCell(minute: minute, key: key), default: AnalyticsFigures()].messagesIn += 1
        var answered = key
        answered.model = "models/model-\(agent % 5)"
        var figures = AnalyticsFigures()
        figures.messagesOut = 1
        figures.charactersOut = Int.random(in: 100...4000, using: &numbers)
        figures.add(
            Usage(input: Int.random(in: 500...20_000, using: &numbers), output: figures.charactersOut / 4),
            asked: nil, answered: figures.charactersOut)
        figures.sessions.insert(UInt64.random(in: 0..<20_000, using: &numbers) &* 0x9e37_79b9_7f4a_7c15)
        figures.add(
            RunTiming(
                queued: .milliseconds(Int.random(in: 0...8, using: &numbers)),
                firstText: .milliseconds(Int.random(in: 300...4000, using: &numbers)),
                whole: .milliseconds(Int.random(in: 2000...40_000, using: &numbers))))
        batch.cells[AnalyticsCell(minute: minute, key: answered), default: AnalyticsFigures()].add(figures)
    }
    try await database.add(batch)
}
try await database.prune(
    minutesBefore: Timestamp(milliseconds: (now - 7 * 86_400) * 1000), hoursBefore: Timestamp(milliseconds: 0))

func stretches(_ step: AnalyticsStep, days: Int64, zone: String = "UTC") -> [Int64] {
    step.edges(from: now - days * 86_400, to: now, in: TimeZone(identifier: zone) ?? .gmt) ?? []
}

let month = [now - days * 86_400, now]
let questions: [(name: String, query: AnalyticsQuery)] = [
    ("summary of 30 days", AnalyticsQuery(edges: month)),
    ("summary of 30 days by agent", AnalyticsQuery(edges: month, by: .agent)),
    ("the same of one gateway", AnalyticsQuery(edges: month, by: .agent, filters: [.gateway: ["gateway-1"]])),
    ("top users of 30 days", AnalyticsQuery(edges: month, by: .user)),
    ("one user's 30 days by agent", AnalyticsQuery(edges: month, by: .agent, filters: [.user: ["user-7"]])),
    ("30 days by day, UTC", AnalyticsQuery(edges: stretches(.day, days: 30))),
    ("30 days by day, Berlin", AnalyticsQuery(edges: stretches(.day, days: 30, zone: "Europe/Berlin"))),
    ("7 days by hour", AnalyticsQuery(edges: stretches(.hour, days: 7))),
    ("24 hours by 15 minutes", AnalyticsQuery(edges: stretches(.quarter, days: 1))),
    ("30 days by day and model", AnalyticsQuery(edges: stretches(.day, days: 30), by: .model)),
]
let size = (try? FileManager.default.attributesOfItem(atPath: folder.appending(path: "bench.db").path()))?[.size]
print("the figures take \((size as? Int ?? 0) >> 20) MiB\n")
print("question".padding(toLength: 32, withPad: " ", startingAt: 0) + "median ms   longest ms   CPU ms   messages")

/// Milliseconds of CPU time that this process has used.
func processTime() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1000 + Double(time.tv_nsec) / 1e6
}

for (name, query) in questions {
    var times: [Double] = []
    var messages = 0
    let before = processTime()
    for _ in 0..<20 {
        let start = ContinuousClock.now
        let groups = try await database.figures(query, now: now).groups
        let (seconds, attoseconds) = start.duration(to: .now).components
        times.append(Double(seconds) * 1000 + Double(attoseconds) / 1e15)
        messages = groups.reduce(0) { $0 + $1.figures.messagesIn + $1.figures.messagesOut }
    }
    let cpu = (processTime() - before) / 20
    times.sort()
    let row = String(format: "%9.1f %12.1f %8.1f %10d", times[10], times[19], cpu, messages)
    print(name.padding(toLength: 32, withPad: " ", startingAt: 0) + row)
}
try database.close()
