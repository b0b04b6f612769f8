import CoreMetrics
import MiddlewareKit
import Telemetry

/// Figures of reloads for `/metrics`.
struct ReloadMetrics: Sendable {
    private let generation = Meter(.configGeneration)
    private let isGood = Meter(.configReloadGood)
    private let lastSuccess = Meter(.configLastSuccess)
    private let failures = Counter(.configReloadFailures)

    func start(generation: Int, at time: Timestamp) {
        failures.increment(by: 0)
        succeed(generation, at: time)
    }

    func record(_ report: ReloadReport, at time: Timestamp) {
        switch report.outcome {
        case .failed:
            isGood.set(0)
            failures.increment()
        case .stopping, .possible: break
        case .applied, .unchanged: succeed(report.generation, at: time)
        }
    }

    private func succeed(_ number: Int, at time: Timestamp) {
        generation.set(number)
        isGood.set(1)
        lastSuccess.set(Double(time.milliseconds) / 1000)
    }
}
