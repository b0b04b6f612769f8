import Analytics
import HTTPTypes
import Hummingbird
import JSON
import MiddlewareKit
import NIOCore
import PipelineEngine
import Storage

/// Figures of the past, for administrators.
extension Routes {
    func addAnalytics(_ recorder: AnalyticsRecorder, to group: RouterGroup<CallContext>) {
        let reader = AnalyticsReader(hub: hub, recorder: recorder)
        group.get("summary") { request, call in
            let (question, now) = try await reader.question(request, call)
            let answer = try await reader.figures(question, edges: [question.from, question.to], by: question.by, now)
            let heading = try await reader.heading(question, answer.edges)
            guard question.by == nil else {
                return question.answer(
                    heading, "groups", rows: answer.groups.map { AnalyticsRow(value: $0.value, $0.figures) })
            }
            return question.answer(heading, figures: answer.groups.first?.figures ?? AnalyticsFigures())
        }
        group.get("timeseries") { request, call in
            let (question, now) = try await reader.question(request, call, also: ["step"])
            let asked = try question.edges()
            // What the first stretch holds of the time before `from` is no part of the question.
            let answer = try await reader.figures(
                question, edges: [question.from] + asked.dropFirst(), by: question.by, now)
            var heading = try await reader.heading(question, answer.edges)
            var edges = answer.edges
            edges[0] = min(edges[0], asked[0])
            let isOfHours = zip(edges, edges.dropFirst()).allSatisfy { $1 - $0 >= 3600 }
            heading["step"] = .string((isOfHours ? max(question.step, .hour) : question.step).rawValue)
            return question.answer(
                heading, "points", rows: AnalyticsRow.series(answer.groups, edges, isWhole: question.by == nil))
        }
        group.get("top") { request, call in
            let (question, now) = try await reader.question(request, call, also: ["order", "limit"])
            let by = question.by ?? .agent
            let answer = try await reader.figures(question, edges: [question.from, question.to], by: by, now)
            let sorted = answer.groups.map { (rank: $0.figures.rank(by: question.order), group: $0) }
                .sorted { ($0.rank, $1.group.value ?? "") > ($1.rank, $0.group.value ?? "") }
            var heading = try await reader.heading(question, answer.edges)
            heading["by"] = .string(by.rawValue)
            heading["order"] = .string(question.order.rawValue)
            let rows = sorted.prefix(question.limit).map { AnalyticsRow(value: $0.group.value, $0.group.figures) }
            return question.answer(heading, "rows", rows: rows)
        }
    }
}

/// Asks the database, once it holds all that was counted.
private struct AnalyticsReader {
    let hub: BrowserHub
    let recorder: AnalyticsRecorder

    /// - Parameter also: The parameters of this call that the others do not have.
    /// - Returns: What is asked, and the time now in seconds since 1970.
    /// - Throws: ``Rejection`` when the caller is no administrator, or the question cannot be understood.
    func question(
        _ request: Request, _ call: CallContext, also: [String] = []
    ) async throws -> (AnalyticsRequest, now: Int64) {
        let context = await hub.context(of: request, call)
        try await hub.call(.connect, gateway: "", context: context) { try $0.requireAdministrator() }
        let now = hub.time.now.milliseconds / 1000
        return (try AnalyticsRequest(request, also: also, now: now), now)
    }

    func figures(
        _ question: AnalyticsRequest, edges: [Int64], by: AnalyticsQuery.Dimension?, _ now: Int64
    ) async throws -> AnalyticsAnswer {
        // What cannot be written now is written later; what is there can be read all the same.
        try? await recorder.flush()
        let query = AnalyticsQuery(edges: edges, by: by, filters: question.filters)
        return try await hub.storage.figures(query, now: now)
    }

    /// - Parameter edges: Of the answer, which tell what time it really holds.
    func heading(_ question: AnalyticsRequest, _ edges: [Int64]) async throws -> JSONObject {
        var heading = JSONObject()
        heading["from"] = edges.first.map { .time($0) }
        heading["to"] = edges.last.map { .time($0) }
        heading["tz"] = .string(question.zoneName)
        heading["collecting"] = .bool(await hub.collectsAnalytics)
        heading["by"] = question.by.map { .string($0.rawValue) }
        return heading
    }
}

extension BrowserHub {
    /// Whether a stage of the chain counts what passes.
    fileprivate var collectsAnalytics: Bool { chains.hasStage(ofKind: "analytics") }
}

/// The figures of one stretch or one value.
private struct AnalyticsRow {
    var start: Int64?
    var end: Int64?
    var value: String?
    let figures: AnalyticsFigures

    init(start: Int64? = nil, end: Int64? = nil, value: String?, _ figures: AnalyticsFigures) {
        self.start = start
        self.end = end
        self.value = value
        self.figures = figures
    }

    /// - Parameter isWhole: Stretches without figures get some of their own: nothing happened.
    static func series(_ groups: [AnalyticsGroup], _ edges: [Int64], isWhole: Bool) -> [AnalyticsRow] {
        guard isWhole else {
            return groups.map {
                AnalyticsRow(start: edges[$0.stretch], end: edges[$0.stretch + 1], value: $0.value, $0.figures)
            }
        }
        let known = Dictionary(groups.map { ($0.stretch, $0.figures) }) { first, _ in first }
        return zip(edges, edges.dropFirst()).enumerated().map { stretch, ends in
            AnalyticsRow(start: ends.0, end: ends.1, value: nil, known[stretch] ?? AnalyticsFigures())
        }
    }

    func json(hasValue: Bool) -> JSONValue {
        var object = JSONObject()
        object["start"] = start.map { .time($0) }
        object["end"] = end.map { .time($0) }
        if hasValue { object["value"] = value.map { .string($0) } ?? .null }
        object["figures"] = figures.json
        return .object(object)
    }
}

extension AnalyticsRequest {
    fileprivate func answer(_ heading: JSONObject, figures: AnalyticsFigures) -> Response {
        if isCSV { return Response(csv: [AnalyticsFigures.columns, figures.cells]) }
        var object = heading
        object["figures"] = figures.json
        return Response(json: .object(object))
    }

    fileprivate func answer(_ heading: JSONObject, _ name: String, rows: [AnalyticsRow]) -> Response {
        let by = heading["by"]?.string
        if isCSV {
            let isSeries = name == "points"
            let header = (isSeries ? ["start", "end"] : []) + (by.map { [$0] } ?? []) + AnalyticsFigures.columns
            let lines = rows.map { row in
                [row.start, row.end].compactMap { $0.map { Timestamp(milliseconds: $0 * 1000).iso8601 } }
                    + (by == nil ? [] : [row.value ?? ""]) + row.figures.cells
            }
            return Response(csv: [header] + lines)
        }
        var object = heading
        object[name] = .array(rows.map { $0.json(hasValue: by != nil) })
        return Response(json: .object(object))
    }
}

extension JSONValue {
    /// - Parameter second: Since 1970.
    fileprivate static func time(_ second: Int64) -> JSONValue {
        .string(Timestamp(milliseconds: second * 1000).iso8601)
    }
}

extension Response {
    /// RFC 4180.
    fileprivate init(csv rows: [[String]]) {
        let text = rows.map { $0.map(Self.csvField).joined(separator: ",") + "\r\n" }.joined()
        self.init(
            status: .ok,
            headers: [.contentType: "text/csv; charset=utf-8", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }

    private static func csvField(_ text: String) -> String {
        // A name that begins so would be computed by a spreadsheet.
        let isFormula = text.first.map { "=+-@\t\r".contains($0) } ?? false
        let text = isFormula && Double(text) == nil ? "'" + text : text
        guard text.contains(where: { "\",\r\n".contains($0) || $0.isNewline }) else { return text }
        return "\"" + text.replacing("\"", with: "\"\"") + "\""
    }
}
