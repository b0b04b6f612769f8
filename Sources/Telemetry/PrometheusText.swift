/// Writes Prometheus' text format, version 0.0.4 (prometheus.io, "Exposition formats").
struct PrometheusText {
    private(set) var text = ""

    mutating func header(_ metric: MetricDescription) {
        let type =
            switch metric.kind {
            case .counter: "counter"
            case .gauge: "gauge"
            case .histogram: "histogram"
            }
        text += "# HELP \(metric.name) \(Self.escaped(metric.help, quotes: false))\n# TYPE \(metric.name) \(type)\n"
    }

    mutating func sample(_ name: String, _ labels: LabelSet, value: Double) {
        text += "\(name)\(labels.text) \(Self.number(value))\n"
    }

    /// Whole numbers without a point, as people expect of counters.
    static func number(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? "NaN" : value < 0 ? "-Inf" : "+Inf" }
        return Int64(exactly: value).map { "\($0)" } ?? "\(value)"
    }

    /// Backslash and line feed are escaped everywhere, quotes in values of labels only.
    static func escaped(_ text: String, quotes: Bool) -> String {
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }
}

/// The labels of a series, in order.
struct LabelSet: Hashable, Sendable {
    private let pairs: [Pair]

    private struct Pair: Hashable, Sendable {
        let name: String
        let value: String
    }

    init(_ dimensions: [(String, String)]) { pairs = dimensions.map { Pair(name: $0.0, value: $0.1) } }

    private init(_ pairs: [Pair]) { self.pairs = pairs }

    func adding(_ name: String, _ value: String) -> LabelSet { LabelSet(pairs + [Pair(name: name, value: value)]) }

    /// With braces; empty when there are no labels.
    var text: String {
        guard !pairs.isEmpty else { return "" }
        let list = pairs.map { "\($0.name)=\"\(PrometheusText.escaped($0.value, quotes: true))\"" }
        return "{\(list.joined(separator: ","))}"
    }
}
