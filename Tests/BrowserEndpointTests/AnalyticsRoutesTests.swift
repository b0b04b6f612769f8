import Analytics
import JSON
import MiddlewareKit
import MiddlewareTesting
import OpenClawTesting
import PipelineEngine
import Stages
import Storage
import Testing

@Suite(.timeLimit(.minutes(1))) struct AnalyticsRoutesTests {
    /// What the rig's clock says, minus one hour.
    private static let hourAgo: Int64 = 1_767_222_000

    /// A turn over real sockets, and what the three calls say of it.
    @Test func aTurnIsInTheFigures() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            browser.chat("Hello?", in: "agent:main:one")
            let run = try await rig.gateway.nextRun()
            rig.time.advance(by: .milliseconds(300))
            await run.delta("Good")
            _ = try await browser.next { $0["state"] == "delta" }
            rig.time.advance(by: .milliseconds(700))
            await run.final("Good answer.")
            _ = try await browser.next { $0["state"] == "final" }

            let summary = try await rig.http("GET", "/api/analytics/summary").json
            #expect(summary["collecting"] == true)
            let figures = summary["figures"]
            #expect(figures?["messages"] == ["in": 1, "out": 1])
            #expect(figures?["sessions"] == 1)
            #expect(figures?["firstTextMs"]?["count"] == 1)
            #expect((300...303).contains(figures?["firstTextMs"]?["p50"]?.int ?? 0))
            #expect((1000...1007).contains(figures?["durationMs"]?["max"]?.int ?? 0))
            #expect(figures?["costUSD"] == .null)
            // The same in a table.
            let table = try await rig.http("GET", "/api/analytics/summary?format=csv").text.split(separator: "\r\n")
                .map { $0.split(separator: ",", omittingEmptySubsequences: false) }
            let cells = Dictionary(zip(table[0], table[1]), uniquingKeysWith: { first, _ in first })
            for (member, column) in [("firstTextMs", "first_text_ms"), ("durationMs", "duration_ms")] {
                for percentile in ["p50", "p95", "p99"] {
                    let expected = try #require(figures?[member]?[percentile]?.int)
                    #expect(cells["\(column)_\(percentile)"] == "\(expected)")
                }
            }
            #expect(table[0].count == table[1].count)
            let top = try await rig.http("GET", "/api/analytics/top?by=agent").json
            #expect(top["rows"]?[0]?["value"] == "main")
            let series = try await rig.http("GET", "/api/analytics/timeseries?from=-1h&step=15m").json
            #expect(series["points"]?.array?.count == 5)
            #expect(series["points"]?[4]?["figures"]?["messages"]?["out"] == 1)
        }
    }

    @Test func figuresAreForAdministrators() async throws {
        var options = Rig.Options()
        options.auth = .apiKeys
        try await Rig.run(options) { rig in
            for path in ["summary", "timeseries", "top"] {
                #expect(try await rig.http("GET", "/api/analytics/\(path)").status == 401)
                let user = try await rig.database.createKey(user: "ada", isAdministrator: false).text
                let refusal = try await rig.http(
                    "GET", "/api/analytics/\(path)", headers: [("Authorization", "Bearer \(user)")])
                #expect(refusal.status == 403)
                let admin = try await rig.database.createKey(user: "eve", isAdministrator: true).text
                let answer = try await rig.http(
                    "GET", "/api/analytics/\(path)", headers: [("Authorization", "Bearer \(admin)")])
                #expect(answer.status == 200)
            }
        }
    }

    private func count(_ rig: Rig, agent: String?, user: String? = nil, model: String? = nil, messages: Int) {
        rig.analytics.count(AnalyticsKey(gateway: "home", agent: agent, model: model, user: user)) {
            $0.messagesIn += messages
            $0.add(Usage(input: 10 * messages, cost: 0.5), asked: 0, answered: 0)
        }
    }

    @Test func topIsSortedCutAndFiltered() async throws {
        try await Rig.run { rig in
            count(rig, agent: "main", user: "ada", messages: 3)
            count(rig, agent: "ops", user: "bob", messages: 5)
            count(rig, agent: "ops", user: "ada", messages: 1)
            let agents = try await rig.http("GET", "/api/analytics/top").json
            #expect(agents["rows"]?.array?.map { $0["value"] } == ["ops", "main"])
            let users = try await rig.http("GET", "/api/analytics/top?by=user&order=tokens&limit=1").json
            #expect(users["rows"]?.array?.map { $0["value"] } == ["bob"])
            #expect(users["rows"]?[0]?["figures"]?["tokens"]?["input"] == 50)
            let filtered = try await rig.http("GET", "/api/analytics/top?by=user&agent=ops&agent=none&user=ada").json
            #expect(filtered["rows"]?.array?.map { $0["figures"]?["messages"]?["in"] } == [1])
            let byModel = try await rig.http("GET", "/api/analytics/summary?by=model").json
            #expect(byModel["groups"]?[0]?["value"] == .null)
        }
    }

    @Test func tablesComeAsCSV() async throws {
        try await Rig.run { rig in
            count(rig, agent: "=cmd()", messages: 1)
            count(rig, agent: "a,\"b\"", messages: 2)
            let answer = try await rig.http("GET", "/api/analytics/top?by=agent&format=csv")
            #expect(answer.headers["content-type"] == "text/csv; charset=utf-8")
            let lines = answer.text.split(separator: "\r\n")
            #expect(lines.count == 3)
            #expect(lines[0].hasPrefix("agent,messages_in,messages_out,"))
            #expect(lines[1].hasPrefix("\"a,\"\"b\"\"\",2,0,"))
            // A spreadsheet must not compute a name.
            #expect(lines[2].hasPrefix("'=cmd(),1,0,"))
            let series = try await rig.http(
                "GET", "/api/analytics/timeseries?from=-2m&step=1m", headers: [("Accept", "text/csv")])
            #expect(series.text.hasPrefix("start,end,messages_in,"))
            let summary = try await rig.http("GET", "/api/analytics/summary?format=csv")
            #expect(summary.text.split(separator: "\r\n")[1].hasPrefix("3,0,"))
        }
    }

    /// Days begin where the people are.
    @Test func timeZonesAreRespected() async throws {
        try await Rig.run { rig in
            // Past midnight in Berlin, and an hour before it in UTC.
            var figures = AnalyticsFigures()
            figures.messagesIn = 1
            let cell = AnalyticsCell(minute: Self.hourAgo, key: AnalyticsKey(gateway: "home"))
            try await rig.database.add(AnalyticsBatch(cells: [cell: figures], countedUntil: rig.time.now, recent: []))
            let target = "/api/analytics/timeseries?from=2025-12-31&to=2026-01-02&step=1d&tz="
            let utc = try await rig.http("GET", target + "UTC").json["points"]
            #expect(utc?.array?.map { $0["figures"]?["messages"]?["in"] } == [1, 0])
            let berlin = try await rig.http("GET", target + "Europe/Berlin").json["points"]
            #expect(berlin?.array?.map { $0["figures"]?["messages"]?["in"] } == [0, 1])
            #expect(berlin?[1]?["start"] == "2025-12-31T23:00:00.000Z")
        }
    }

    /// The first stretch keeps its beginning, and holds nothing that was before `from`.
    @Test func aSeriesAddsUpToItsSummary() async throws {
        try await Rig.run { rig in
            for (minutes, messages) in [(0, 1), (20, 10), (50, 100)] {
                var figures = AnalyticsFigures()
                figures.messagesIn = messages
                let cell = AnalyticsCell(
                    minute: Self.hourAgo + Int64(minutes) * 60, key: AnalyticsKey(gateway: "home"))
                try await rig.database.add(
                    AnalyticsBatch(cells: [cell: figures], countedUntil: rig.time.now, recent: []))
            }
            let time = "from=2025-12-31T23:10:00Z&to=2025-12-31T23:45:00Z"
            let summary = try await rig.http("GET", "/api/analytics/summary?\(time)").json
            let series = try await rig.http("GET", "/api/analytics/timeseries?step=1h&\(time)").json
            let points = series["points"]?.array
            #expect(summary["figures"]?["messages"]?["in"] == 10)
            #expect(points?.map { $0["figures"]?["messages"]?["in"] } == [10])
            #expect(points?.first?["start"] == "2025-12-31T23:00:00.000Z")
            #expect(points?.first?["end"] == "2025-12-31T23:45:00.000Z")
        }
    }

    /// What a question is told holds what the answer says, so that nobody adds up one hour twice.
    @Test func whereMinutesAreGoneTheAnswerTellsWhatItHolds() async throws {
        try await Rig.run { rig in
            for hours in [1, 5] as [Int64] {
                var figures = AnalyticsFigures()
                figures.messagesIn = Int(hours)
                let cell = AnalyticsCell(
                    minute: Self.hourAgo + 3600 - hours * 3600, key: AnalyticsKey(gateway: "home"))
                try await rig.database.add(
                    AnalyticsBatch(cells: [cell: figures], countedUntil: rig.time.now, recent: []))
            }
            try await rig.database.prune(
                minutesBefore: Timestamp(milliseconds: Self.hourAgo * 1000), hoursBefore: Timestamp(milliseconds: 0))
            for time in ["from=2025-12-31T19:00&to=2025-12-31T19:05", "from=2025-12-31T19:10&to=2025-12-31T19:20"] {
                for call in ["summary?", "top?by=gateway&", "timeseries?step=1m&"] {
                    let answer = try await rig.http("GET", "/api/analytics/\(call)\(time)").json
                    #expect(answer["from"] == "2025-12-31T19:00:00.000Z")
                    #expect(answer["to"] == "2025-12-31T20:00:00.000Z")
                }
                let series = try await rig.http("GET", "/api/analytics/timeseries?step=1m&\(time)").json
                #expect(series["step"] == "1h")
                #expect(series["points"]?.array?.map { $0["figures"]?["messages"]?["in"] } == [5])
                #expect(series["points"]?[0]?["start"] == "2025-12-31T19:00:00.000Z")
                #expect(series["points"]?[0]?["end"] == "2025-12-31T20:00:00.000Z")
            }
            // Where there are minutes, nothing is rounded.
            let summary = try await rig.http(
                "GET", "/api/analytics/summary?from=2025-12-31T23:00&to=2025-12-31T23:05"
            ).json
            #expect(summary["to"] == "2025-12-31T23:05:00.000Z")
            let series = try await rig.http(
                "GET", "/api/analytics/timeseries?step=15m&from=2025-12-31T22:00&to=2025-12-31T23:30"
            ).json
            #expect(series["step"] == "15m" && series["points"]?.array?.count == 6)
        }
    }

    /// A server that begins to count has lost nothing.
    @Test func withoutFiguresNothingIsRounded() async throws {
        try await Rig.run { rig in
            let series = try await rig.http("GET", "/api/analytics/timeseries?from=-10m&step=1m").json
            #expect(series["step"] == "1m" && series["points"]?.array?.count == 10)
        }
    }

    @Test(arguments: [
        ("from=1980-01-01", "1mo"), ("from=1970-01-01", "1mo"), ("from=2017-01-01", "1w"), ("from=-7d", "1h"),
    ])
    func aStepIsFoundThatFits(query: String, step: String) async throws {
        try await Rig.run { rig in
            let answer = try await rig.http("GET", "/api/analytics/timeseries?\(query)")
            #expect(answer.status == 200)
            #expect(answer.json["step"]?.string == step)
        }
    }

    /// Where clocks are put forward at midnight.
    @Test(arguments: [
        ("2026-04-24", "Africa/Cairo", "2026-04-23T22:00:00.000Z"),
        ("2018-11-04", "America/Sao_Paulo", "2018-11-04T03:00:00.000Z"),
        ("2026-01-01", "Europe/Berlin", "2025-12-31T23:00:00.000Z"),
    ])
    func aDayBeginsWithItsFirstMoment(day: String, zone: String, start: String) async throws {
        try await Rig.run { rig in
            for call in ["summary?", "timeseries?step=1d&", "timeseries?step=1h&"] {
                let answer = try await rig.http(
                    "GET", "/api/analytics/\(call)from=\(day)&to=\(start.prefix(10))T23:59:59Z&tz=\(zone)")
                #expect(answer.json["from"]?.string == start, "\(answer.text)")
            }
        }
    }

    @Test(arguments: [
        ("text/csv", true), ("text/csv;q=0.1, application/json", false), ("application/json, text/csv;q=0.9", false),
        ("application/json;q=0.2,TEXT/CSV; charset=utf-8; q=0.7", true), ("text/csv, */*;q=0.8", true),
        ("text/csv;q=0", false), ("*/*", false), ("text/*", true), ("text/csv;q=0, text/*", false),
        ("text/html, */*;q=0.8", false), ("text/csv;q=much", true), ("", false),
    ])
    func whatIsRatherTakenIsSent(accept: String, isCSV: Bool) async throws {
        try await Rig.run { rig in
            let answer = try await rig.http("GET", "/api/analytics/summary", headers: [("Accept", accept)])
            #expect(answer.headers["content-type"]?.hasPrefix("text/csv") == isCSV)
        }
    }

    private static let badQuestions = [
        "summary?tz=Mars", "summary?from=yesterday", "summary?from=now", "summary?from=2026-13-01", "summary?form=-1h",
        "timeseries?step=2h", "timeseries?step=1m&from=-60d", "top?by=colour", "top?limit=0", "top?limit=x",
        "top?order=luck", "summary?format=xml", "summary?from=99999999999999999", "summary?to=-99999999d",
        "timeseries?from=-", "top?by=agent&by=user", "summary?from=-2h&from=-1h", "summary?step=1h", "summary?limit=1",
        "top?step=1h", "timeseries?order=cost",
    ]

    @Test func badQuestionsAreSaidToBeBad() async throws {
        try await Rig.run { rig in
            for question in Self.badQuestions {
                let answer = try await rig.http("GET", "/api/analytics/\(question)")
                #expect(answer.status == 400, "\(question)")
                #expect(answer.errorCode == "bad_request", "\(question)")
            }
        }
    }

    @Test(arguments: [
        "now", "2999-12-31T23:59:59Z", "2026-01-01", "2026-01-01T00:30",
        "2026-01-01T00:30:00Z", "2026-01-01T01:30:00+01:00", "2026-01-01T00:30Z", "2026-01-01T01:30+01:00",
        "2025-12-31T19:30-05:00", "1767312000000",
    ])
    func timesAreUnderstood(to: String) async throws {
        try await Rig.run { rig in
            let answer = try await rig.http("GET", "/api/analytics/summary?from=2025-12-30&to=\(to)")
            #expect(answer.status == 200)
        }
    }

    /// A message that a stage above turned away is counted with the stage and the code.
    @Test func rejectionsAreInTheFigures() async throws {
        let refuse = ClosureStage(
            handles: StagePaths(inbound: [.chat]),
            onInbound: { _, _, _ in throw Rejection(code: "too_long", message: "Please be brief.") })
        var options = Rig.Options()
        options.stages = [.init(name: "brief", kind: "brief", middleware: refuse)]
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello?")
            _ = try await browser.next(type: "error")
            let figures = try await rig.http("GET", "/api/analytics/summary").json["figures"]
            #expect(figures?["messages"]?["in"] == 0)
            #expect(figures?["rejections"]?["byStage"] == [["stage": "brief", "code": "too_long", "count": 1]])
        }
    }

    /// What the server itself turns away before any stage has seen it. A gateway that there is none of makes no name in the figures.
    @Test func whatTheServerTurnsAwayIsInTheFigures() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            let refused: [(frame: JSONValue, code: String)] = [
                (["type": "chat", "gateway": "nowhere", "sessionKey": "s", "message": "Hello"], "unknown_gateway"),
                (["type": "chat", "sessionKey": "s", "message": " "], "bad_request"),
                (["type": "chat", "sessionKey": "s", "message": "Hel\0lo"], "bad_request"),
                (["type": "chat", "gateway": "elsewhere", "sessionKey": "s"], "bad_request"),
                // No chat message.
                (["type": "history", "gateway": "nowhere", "sessionKey": "s"], "unknown_gateway"),
                (["type": "history", "sessionKey": " "], "bad_request"),
            ]
            for (frame, code) in refused {
                browser.send(frame)
                #expect(try await browser.next(type: "error")["code"]?.string == code)
            }
            let figures = try await rig.http("GET", "/api/analytics/summary").json["figures"]
            #expect(
                figures?["rejections"]?["byStage"] == [
                    ["stage": "server", "code": "bad_request", "count": 3],
                    ["stage": "server", "code": "unknown_gateway", "count": 1],
                ])
            let rows = try await rig.http("GET", "/api/analytics/top?by=gateway&order=rejections").json["rows"]?.array
            #expect(rows?.count == 2 && rows?.contains { $0["value"] == .null } == true)
        }
    }

    /// While the run is under way, and when it is over and only the database knows of it.
    @Test func keysOfOtherMessagesAreInTheFigures() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            let run = try await rig.gateway.nextRun()
            browser.chat("Other words")
            _ = try await browser.next(type: "error")
            await run.final("Good answer.")
            _ = try await browser.turn("r")
            browser.chat("Other words")
            #expect(try await browser.next(type: "error")["code"] == "bad_request")
            let figures = try await rig.http("GET", "/api/analytics/summary").json["figures"]
            #expect(
                figures?["rejections"]?["byStage"] == [["stage": "server", "code": "bad_request", "count": 2]])
        }
    }

    @Test(arguments: [
        ("from=0", "`from`: a number is milliseconds since 1970, and has 9 to 13 digits."),
        ("from=99999999999999999", "`from`: a number is milliseconds since 1970, and has 9 to 13 digits."),
        ("to=2026-03-29T02:30&tz=Europe/Berlin", "`to`: there is no such time in Europe/Berlin"),
        ("from=2026-02-30T00:00:00Z", "`from` must be a time such as now"),
        ("to=2026-04-24T00:00&tz=Africa/Cairo", "`to`: there is no such time in Africa/Cairo"),
        ("from=2026-01-31T08Z", "`from` must be a time such as now"),
        ("from=2026-02-30", "`from` must be a time such as now"), ("from=", "`from` must be a time such as now"),
        ("to=5000-01-01", "`to`: the years from 1970 to 2999 are possible."),
        ("to=9999-12-31T23:00:00Z", "`to`: the years from 1970 to 2999 are possible."),
        ("to=3000-01-01T00:00:01Z", "`to`: the years from 1970 to 2999 are possible."),
        ("from=0001-01-01", "`from`: the years from 1970 to 2999 are possible."),
        ("from=1969-12-31T23:59:59Z", "`from`: the years from 1970 to 2999 are possible."),
        ("to=9999999999999999", "`to`: a number is milliseconds since 1970"),
        ("from=-999999w", "`from`: the years from 1970 to 2999 are possible."),
    ])
    func timesThatAreNoneAreExplained(query: String, words: String) async throws {
        try await Rig.run { rig in
            let answer = try await rig.http("GET", "/api/analytics/summary?\(query)")
            #expect(answer.status == 400)
            #expect(answer.text.contains(words), "\(answer.text)")
        }
    }
}
