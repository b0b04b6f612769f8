import Analytics
import JSON

extension AnalyticsFigures {
    /// What is unknown is null.
    var json: JSONValue {
        let rejected = rejections.sorted {
            ($0.value, $1.key.stage, $1.key.code) > ($1.value, $0.key.stage, $0.key.code)
        }
        let failed = errors.sorted { ($0.value, $1.key) > ($1.value, $0.key) }
        return [
            "messages": ["in": .count(messagesIn), "out": .count(messagesOut)],
            "characters": ["in": .count(charactersIn), "out": .count(charactersOut)],
            "tokens": [
                "input": .known(input.value), "output": .known(output.value),
                "cacheRead": .known(cacheRead.value), "cacheWrite": .known(cacheWrite.value),
                "estimatedInput": .known(estimatedInput.value), "estimatedOutput": .known(estimatedOutput.value),
            ],
            "costUSD": cost.value.map { .number(Double($0) / 1e6) } ?? .null,
            "sessions": .count(sessions.estimate),
            "aborted": .count(aborted),
            "errors": [
                "total": .count(errors.values.reduce(0, &+)),
                "byKind": .object(JSONObject(failed.map { ($0.key, .count($0.value)) })),
            ],
            "rejections": [
                "total": .count(rejections.values.reduce(0, &+)),
                "byStage": .array(
                    rejected.map { name, count in
                        ["stage": .string(name.stage), "code": .string(name.code), "count": .count(count)]
                    }),
            ],
            "reconnects": .count(reconnects),
            "firstTextMs": firstText.json,
            "durationMs": whole.json,
            "queuedMs": queued.json,
        ]
    }

    /// What `top` sorts by; nothing known is below everything.
    func rank(by order: AnalyticsRequest.Order) -> Double {
        switch order {
        case .messages: Double(messagesIn + messagesOut)
        case .tokens:
            [input, output, estimatedInput, estimatedOutput].reduce(0) { $0 + Double($1.value ?? 0) }
        case .cost: cost.value.map(Double.init) ?? -1
        case .errors: Double(errors.values.reduce(0, &+))
        case .rejections: Double(rejections.values.reduce(0, &+))
        case .sessions: Double(sessions.estimate)
        case .duration: whole.percentile(95).map(Double.init) ?? -1
        }
    }

    // MARK: CSV

    static let columns = [
        "messages_in", "messages_out", "characters_in", "characters_out", "tokens_input", "tokens_output",
        "tokens_cache_read", "tokens_cache_write", "tokens_input_estimated", "tokens_output_estimated", "cost_usd",
        "sessions", "aborted", "errors", "rejections", "reconnects", "first_text_ms_p50", "first_text_ms_p95",
        "first_text_ms_p99", "duration_ms_p50", "duration_ms_p95", "duration_ms_p99", "queued_ms_p50",
        "queued_ms_p95", "queued_ms_p99",
    ]

    /// In the order of `columns`. What is unknown is empty.
    var cells: [String] {
        let counts: [Int?] =
            [messagesIn, messagesOut, charactersIn, charactersOut, input.value, output.value, cacheRead.value]
            + [cacheWrite.value, estimatedInput.value, estimatedOutput.value]
        let dollars = cost.value.map { "\(Double($0) / 1e6)" } ?? ""
        let rest: [Int?] =
            [sessions.estimate, aborted, errors.values.reduce(0, &+), rejections.values.reduce(0, &+), reconnects]
            + [firstText, whole, queued].flatMap { [$0.percentile(50), $0.percentile(95), $0.percentile(99)] }
        let text = { (number: Int?) in number.map { "\($0)" } ?? "" }
        return counts.map(text) + [dollars] + rest.map(text)
    }
}

extension Latencies {
    fileprivate var json: JSONValue {
        guard count > 0 else { return .null }
        return [
            "count": .integer(Int64(clamping: count)), "mean": .number(((mean ?? 0) * 10).rounded() / 10),
            "p50": .known(percentile(50)), "p95": .known(percentile(95)), "p99": .known(percentile(99)),
            "max": .known(max),
        ]
    }
}

extension JSONValue {
    fileprivate static func count(_ number: Int) -> JSONValue { .integer(Int64(number)) }
    fileprivate static func known(_ number: Int?) -> JSONValue { number.map { .integer(Int64($0)) } ?? .null }
}
