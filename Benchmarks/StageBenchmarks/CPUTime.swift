import Foundation

/// The CPU time of the whole process: a busy machine disturbs it less than what a clock says.
private func cpuTime() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    func nanoseconds(_ time: timeval) -> Double { Double(time.tv_sec) * 1e9 + Double(time.tv_usec) * 1e3 }
    return nanoseconds(usage.ru_utime) + nanoseconds(usage.ru_stime)
}

/// Nanoseconds of CPU time for one turn, the best of five rounds.
func measure(_ count: Int, _ turns: (Int) async throws -> Void) async rethrows -> Double {
    try await turns(count / 10)
    var best = Double.infinity
    for _ in 0..<5 {
        let start = cpuTime()
        try await turns(count)
        best = min(best, (cpuTime() - start) / Double(count))
    }
    return best
}
