/// A question about figures.
package struct AnalyticsQuery: Sendable {
    /// What figures can be kept apart by, and be asked for.
    package enum Dimension: String, Sendable, CaseIterable {
        case gateway, agent, model, user
    }

    /// Where stretches of time begin, in seconds since 1970, rising; the last number is where the last one ends.
    package var edges: [Int64]
    /// What to keep apart.
    package var by: Dimension?
    /// Only figures that have one of these values, for each dimension that is named.
    package var filters: [Dimension: Set<String>]

    package init(edges: [Int64], by: Dimension? = nil, filters: [Dimension: Set<String>] = [:]) {
        self.edges = edges
        self.by = by
        self.filters = filters
    }
}

/// What is known of a question.
package struct AnalyticsAnswer: Sendable {
    /// Where the stretches really begin and end: where minutes are gone, on the hour. Stretches that fall into one hour are one.
    package let edges: [Int64]
    /// In order of time; stretches and values without figures are left out.
    package let groups: [AnalyticsGroup]

    package init(edges: [Int64], groups: [AnalyticsGroup]) {
        self.edges = edges
        self.groups = groups
    }
}

/// The figures of one stretch of time and one value of the dimension.
package struct AnalyticsGroup: Sendable {
    /// The index of the answer's edge at which the stretch begins.
    package let stretch: Int
    /// Nil: the value is unknown, or nothing was to be kept apart.
    package let value: String?
    package let figures: AnalyticsFigures

    package init(stretch: Int, value: String?, figures: AnalyticsFigures) {
        self.stretch = stretch
        self.value = value
        self.figures = figures
    }
}

extension AnalyticsKey {
    package subscript(dimension: AnalyticsQuery.Dimension) -> String? {
        switch dimension {
        case .gateway: gateway.isEmpty ? nil : gateway
        case .agent: agent
        case .model: model
        case .user: user
        }
    }
}
