import CoreMetrics
import Synchronization

/// One line, or one histogram, of `/metrics`. Handles are used from anywhere, often from the event loop: a counter is one
/// atomic add, a histogram a short lock.
protocol PrometheusSeries: AnyObject, Sendable {
    /// Appends the samples.
    func write(_ name: String, labels: LabelSet, to text: inout PrometheusText)
}

final class CounterSeries: PrometheusSeries, CounterHandler {
    private let value = Atomic<Int64>(0)

    func increment(by amount: Int64) { value.add(amount, ordering: .relaxed) }

    func reset() { value.store(0, ordering: .relaxed) }

    func write(_ name: String, labels: LabelSet, to text: inout PrometheusText) {
        text.sample(name, labels, value: Double(value.load(ordering: .relaxed)))
    }
}

final class GaugeSeries: PrometheusSeries, MeterHandler, RecorderHandler {
    private let value = Mutex(0.0)

    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { self.value.withLock { $0 = value } }
    func increment(by amount: Double) { value.withLock { $0 += amount } }
    func decrement(by amount: Double) { value.withLock { $0 -= amount } }
    func record(_ value: Int64) { set(value) }
    func record(_ value: Double) { set(value) }

    func write(_ name: String, labels: LabelSet, to text: inout PrometheusText) {
        text.sample(name, labels, value: value.withLock { $0 })
    }
}

final class HistogramSeries: PrometheusSeries, RecorderHandler, TimerHandler {
    private struct State {
        /// How many values lie above the bound before and not above this one; the last holds the rest.
        var counts: [UInt64]
        var sum = 0.0
    }

    private let bounds: [Double]
    private let state: Mutex<State>

    init(bounds: [Double]) {
        self.bounds = bounds
        state = Mutex(State(counts: Array(repeating: 0, count: bounds.count + 1)))
    }

    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        let place = bounds.firstIndex { value <= $0 } ?? bounds.count
        state.withLock { state in
            state.counts[place] += 1
            state.sum += value
        }
    }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }

    func write(_ name: String, labels: LabelSet, to text: inout PrometheusText) {
        let (counts, sum) = state.withLock { ($0.counts, $0.sum) }
        var below: UInt64 = 0
        for (place, count) in counts.enumerated() {
            below += count
            let bound = place < bounds.count ? PrometheusText.number(bounds[place]) : "+Inf"
            text.sample(name + "_bucket", labels.adding("le", bound), value: Double(below))
        }
        text.sample(name + "_sum", labels, value: sum)
        text.sample(name + "_count", labels, value: Double(below))
    }
}
