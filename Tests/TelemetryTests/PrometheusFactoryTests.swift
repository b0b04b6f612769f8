import CoreMetrics
import Telemetry
import Testing

@Suite struct PrometheusFactoryTests {
    @Test func countersGaugesAndHistogramsAreWritten() {
        let factory = PrometheusFactory()
        let calls = Counter(.stageCalls, "persist", factory: factory)
        calls.increment(by: 2)
        calls.increment()
        Meter(.browserConnections, factory: factory).set(7)
        let batch = Recorder(.storageBatch, factory: factory)
        for size in [1, 2, 3, 600] { batch.record(size) }
        let text = factory.text
        #expect(text.contains("# TYPE sluice_stage_calls_total counter\n"))
        #expect(text.contains("sluice_stage_calls_total{stage=\"persist\"} 3\n"))
        #expect(text.contains("sluice_browser_connections 7\n"))
        #expect(text.contains("sluice_storage_batch_messages_bucket{le=\"2\"} 2\n"))
        #expect(text.contains("sluice_storage_batch_messages_bucket{le=\"512\"} 3\n"))
        #expect(text.contains("sluice_storage_batch_messages_bucket{le=\"+Inf\"} 4\n"))
        #expect(text.contains("sluice_storage_batch_messages_sum 606\n"))
        #expect(text.contains("sluice_storage_batch_messages_count 4\n"))
    }

    @Test func timesAreInSeconds() {
        let factory = PrometheusFactory()
        let duration = Timer(.stageDuration, "auth", factory: factory)
        duration.record(.milliseconds(2))
        duration.record(.seconds(60))
        let text = factory.text
        #expect(text.contains("sluice_stage_duration_seconds_bucket{stage=\"auth\",le=\"0.001\"} 0\n"))
        #expect(text.contains("sluice_stage_duration_seconds_bucket{stage=\"auth\",le=\"0.0025\"} 1\n"))
        #expect(text.contains("sluice_stage_duration_seconds_bucket{stage=\"auth\",le=\"30\"} 1\n"))
        #expect(text.contains("sluice_stage_duration_seconds_sum{stage=\"auth\"} 60.002\n"))
    }

    /// Two handles with the same labels are one series.
    @Test func handlesOfOneSeriesAddUp() {
        let factory = PrometheusFactory()
        Counter(.runsEnded, "final", factory: factory).increment()
        Counter(.runsEnded, "final", factory: factory).increment()
        #expect(factory.text.contains("sluice_runs_ended_total{outcome=\"final\"} 2\n"))
    }

    @Test func labelsAreEscaped() {
        let factory = PrometheusFactory()
        Counter(.stageCalls, "a\"b\\c\nd", factory: factory).increment()
        #expect(factory.text.contains(#"{stage="a\"b\\c\nd"} 1"#))
    }

    @Test func theNumberOfSeriesIsBounded() {
        let factory = PrometheusFactory(seriesLimit: 3)
        for number in 0..<5 { Counter(.stageCalls, "stage-\(number)", factory: factory).increment() }
        let text = factory.text
        #expect(text.contains("stage-2"))
        #expect(!text.contains("stage-3"))
        #expect(text.contains("sluice_metrics_series_left_out_total 2\n"))
    }

    @Test func unknownMetricsAndWrongLabelsGoNowhere() {
        let factory = PrometheusFactory()
        CoreMetrics.Counter(label: "somebody_elses", dimensions: [], factory: factory).increment()
        CoreMetrics.Counter(label: "sluice_stage_calls_total", dimensions: [("user", "ada")], factory: factory)
            .increment()
        #expect(!factory.text.contains("somebody_elses"))
        #expect(!factory.text.contains("ada"))
    }

    @Test func destroyedSeriesAreGone() {
        let factory = PrometheusFactory()
        let gauge = Meter(.gatewayState, "home", "ready", factory: factory)
        gauge.set(1)
        #expect(factory.text.contains("sluice_gateway_state"))
        gauge.destroy()
        #expect(!factory.text.contains("sluice_gateway_state"))
    }

    /// The conventions of Prometheus, for the whole list.
    @Test func namesFollowTheConventions() {
        var names: Set<String> = []
        for metric in MetricDescription.all {
            #expect(names.insert(metric.name).inserted, "\(metric.name) is there twice")
            let isPlain = metric.name.utf8.allSatisfy { $0 == UInt8(ascii: "_") || (97...122).contains($0) }
            #expect(isPlain && metric.name.hasPrefix("sluice_"), "\(metric.name)")
            #expect(metric.name.hasSuffix("_total") == (metric.kind == .counter), "\(metric.name)")
            #expect(metric.help.hasSuffix(".") && !metric.help.contains("\n"))
            #expect(Set(metric.labels).isDisjoint(with: ["user", "session", "le"]), "\(metric.name)")
        }
    }
}
