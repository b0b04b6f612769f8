package import CoreMetrics

/// What one metric is called, what kind it is, and what it tells: the source of every handle, of the help texts of `/metrics`,
/// and of the table in the documentation.
package struct MetricDescription: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        /// Only grows.
        case counter
        /// Goes up and down.
        case gauge
        /// Counts of values up to each of these bounds. Times are in seconds.
        case histogram(bounds: [Double])
    }

    /// By the conventions of Prometheus: base units, and `_total` for counters.
    package let name: String
    package let kind: Kind
    package let help: String
    /// The names of the labels. Their values must come from a small set: never a user or a session key.
    package let labels: [String]

    init(_ name: String, _ kind: Kind, _ help: String, labels: [String] = []) {
        self.name = name
        self.kind = kind
        self.help = help
        self.labels = labels
    }

    /// From 50 microseconds to 30 seconds, for the work of the server itself.
    static let shortTimes: Kind = .histogram(bounds: [
        0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30,
    ])
    /// From 50 milliseconds to half an hour, for what agents do.
    static let longTimes: Kind = .histogram(bounds: [
        0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 13, 20, 30, 60, 120, 300, 600, 1800,
    ])
}

extension Counter {
    /// - Parameter factory: Where the figure goes; nil: to the backend of the process.
    package convenience init(_ metric: MetricDescription, _ labels: String..., factory: (any MetricsFactory)? = nil) {
        let dimensions = Array(zip(metric.labels, labels))
        self.init(label: metric.name, dimensions: dimensions, factory: factory ?? MetricsSystem.factory)
    }
}

extension Meter {
    /// - Parameter factory: Where the figure goes; nil: to the backend of the process.
    package convenience init(_ metric: MetricDescription, _ labels: String..., factory: (any MetricsFactory)? = nil) {
        let dimensions = Array(zip(metric.labels, labels))
        self.init(label: metric.name, dimensions: dimensions, factory: factory ?? MetricsSystem.factory)
    }
}

extension Recorder {
    /// - Parameter factory: Where the figure goes; nil: to the backend of the process.
    package convenience init(_ metric: MetricDescription, _ labels: String..., factory: (any MetricsFactory)? = nil) {
        let dimensions = Array(zip(metric.labels, labels))
        self.init(
            label: metric.name, dimensions: dimensions, aggregate: true, factory: factory ?? MetricsSystem.factory)
    }
}

extension Timer {
    /// - Parameter factory: Where the figure goes; nil: to the backend of the process.
    package convenience init(_ metric: MetricDescription, _ labels: String..., factory: (any MetricsFactory)? = nil) {
        let dimensions = Array(zip(metric.labels, labels))
        self.init(label: metric.name, dimensions: dimensions, factory: factory ?? MetricsSystem.factory)
    }

    package func record(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        recordNanoseconds(
            seconds.multipliedReportingOverflow(by: 1_000_000_000).partialValue + attoseconds / 1_000_000_000)
    }
}
