package import CoreMetrics
import Synchronization

/// The backend of swift-metrics that serves `/metrics`. It knows the metrics that it was given descriptions of; figures of any
/// other name, such as those of a library, go nowhere.
///
/// The number of series of a metric is bounded, so that a label whose values come from outside cannot fill the memory.
package final class PrometheusFactory: MetricsFactory {
    private struct Family {
        let metric: MetricDescription
        var series: [LabelSet: any PrometheusSeries] = [:]
    }

    private let seriesLimit: Int
    /// By name.
    private let families: Mutex<[String: Family]>
    private let order: [String]
    private let leftOut = CounterSeries()

    /// - Parameter seriesLimit: How many series each metric may have.
    package init(_ metrics: [MetricDescription] = MetricDescription.all, seriesLimit: Int = 500) {
        self.seriesLimit = seriesLimit
        order = metrics.map(\.name)
        var families: [String: Family] = [:]
        for metric in metrics { families[metric.name] = Family(metric: metric) }
        families[MetricDescription.seriesLeftOut.name]?.series[LabelSet([])] = leftOut
        self.families = Mutex(families)
    }

    /// The answer of `/metrics`. Metrics stand in the order of their descriptions, and without series they are left out.
    package var text: String {
        let families = families.withLock { $0 }
        var text = PrometheusText()
        for family in order.compactMap({ families[$0] }) where !family.series.isEmpty {
            text.header(family.metric)
            let sorted = family.series.map { (labels: $0.key, order: $0.key.text, series: $0.value) }
                .sorted { $0.order < $1.order }
            for entry in sorted { entry.series.write(family.metric.name, labels: entry.labels, to: &text) }
        }
        return text.text
    }

    // MARK: Handles

    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(label, dimensions) { $0 == .counter ? CounterSeries() : nil } ?? NOOPMetricsHandler.instance
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(label, dimensions) { $0 == .gauge ? GaugeSeries() : nil } ?? NOOPMetricsHandler.instance
    }

    package func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        if !aggregate {
            return series(label, dimensions) { $0 == .gauge ? GaugeSeries() : nil } ?? NOOPMetricsHandler.instance
        }
        return series(label, dimensions, make: Self.histogram) ?? NOOPMetricsHandler.instance
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(label, dimensions, make: Self.histogram) ?? NOOPMetricsHandler.instance
    }

    package func destroyCounter(_ handler: any CounterHandler) { destroy(handler) }
    package func destroyMeter(_ handler: any MeterHandler) { destroy(handler) }
    package func destroyRecorder(_ handler: any RecorderHandler) { destroy(handler) }
    package func destroyTimer(_ handler: any TimerHandler) { destroy(handler) }

    private static func histogram(_ kind: MetricDescription.Kind) -> HistogramSeries? {
        if case .histogram(let bounds) = kind { HistogramSeries(bounds: bounds) } else { nil }
    }

    /// The series with these labels, made when there is none; nil when the metric is unknown, of another kind, or full.
    private func series<Series: PrometheusSeries>(
        _ name: String, _ dimensions: [(String, String)], make: (MetricDescription.Kind) -> Series?
    ) -> Series? {
        let labels = LabelSet(dimensions)
        return families.withLock { families in
            guard let family = families[name] else { return nil }
            if let known = family.series[labels] { return known as? Series }
            guard family.series.count < seriesLimit else {
                leftOut.increment(by: 1)
                return nil
            }
            guard dimensions.map(\.0) == family.metric.labels, let new = make(family.metric.kind) else { return nil }
            families[name]?.series[labels] = new
            return new
        }
    }

    private func destroy(_ handler: AnyObject) {
        families.withLock { families in
            for (name, family) in families where family.series.values.contains(where: { $0 === handler }) {
                families[name]?.series = family.series.filter { $0.value !== handler }
            }
        }
    }
}
