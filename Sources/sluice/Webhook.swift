import ArgumentParser
import BrowserEndpoint
import JSON
import MiddlewareKit
import Settings
import SluiceServer
import Stages
import Storage
import Webhooks

struct Webhook: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look at webhook endpoints and deliveries, deliver again, change endpoints, and send a test event.",
        discussion: "The commands work on the database; a running server notices within a second.",
        subcommands: [List.self, Deliveries.self, Replay.self, Change.self, Enable.self, Test.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the endpoints, with what is open and what was given up.")

        @ArgumentParser.OptionGroup var configurationOptions: ConfigurationOptions

        func run() async throws {
            // Endpoints may have been added to a stage that there is no more.
            let (database, stages) = try Loading.webhooks(configurationOptions, mayHaveNone: true)
            var rows: [[String]] = []
            for stage in stages {
                let counts = try await database.deliveryCounts(stage: stage.name)
                let entries = try await stage.endpoints(database)
                for var entry in entries {
                    entry.isPaused = try await entry.seemsPaused(stage: stage.name, in: database)
                    rows.append(row(entry, stage.name, counts))
                }
                rows += counts.ofRemoved(besides: entries).map {
                    [$0.endpoint, stage.name, "", "", "removed", "\($0.open)", "\($0.dead)", ""]
                }
            }
            let lost = try await EndpointDirectory.Entry.withoutStage(besides: stages.map(\.name), in: database)
            for (stage, entries) in lost {
                let counts = try await database.deliveryCounts(stage: stage)
                rows += entries.map { row($0, stage, counts) }
            }
            guard !rows.isEmpty else {
                return Output.error("No endpoint is configured. docs/webhooks.md shows how to name one.")
            }
            Output.table([["NAME", "STAGE", "URL", "FROM", "STATE", "OPEN", "DEAD", "EVENTS"]] + rows)
        }

        private func row(_ entry: EndpointDirectory.Entry, _ stage: String, _ counts: [DeliveryCounts]) -> [String] {
            let endpoint = entry.endpoint
            let count = counts.first { $0.endpoint == endpoint.name }
            return [
                endpoint.name, stage, "\(endpoint.url)", endpoint.isAdded ? "api" : "config", entry.state,
                "\(count?.open ?? 0)", "\(count?.dead ?? 0)",
                endpoint.options.events.map(\.rawValue).joined(separator: ","),
            ]
        }
    }

    struct Deliveries: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List deliveries, newest first; or with an id, show one with all of its attempts.")

        @ArgumentParser.OptionGroup var configurationOptions: ConfigurationOptions
        @Argument(help: "The id of a delivery.")
        var id: Int64?
        @ArgumentParser.Option(help: "Only those to this endpoint.")
        var endpoint: String?
        @ArgumentParser.Option(help: "Only those that are: waiting, scheduled, delivered or dead.")
        var state: String?
        @ArgumentParser.Option(help: "Only events of this type, such as message.final.")
        var type: String?
        @ArgumentParser.Option(help: "Only those with a lower id.")
        var before: Int64?
        @ArgumentParser.Option(help: "How many, at most 500; 50 when left out.")
        var limit: Int?

        private var hasFilter: Bool { endpoint != nil || state != nil || type != nil || before != nil }

        func validate() throws {
            if id != nil, hasFilter || limit != nil {
                throw ValidationError("The options choose among many deliveries; with an id, leave them out.")
            }
            if let state, DeliveryState(rawValue: state) == nil {
                throw ValidationError("--state must be waiting, scheduled, delivered or dead.")
            }
            if let type, !EventType.names.contains(type) {
                throw ValidationError("--type must be one of \(EventType.names.joined(separator: ", ")).")
            }
            guard (1...500).contains(limit ?? 1) else { throw ValidationError("--limit must be between 1 and 500.") }
        }

        func run() async throws {
            let (database, stages) = try Loading.webhooks(configurationOptions)
            if let id { return try await show(id, database, stages) }
            let filter = DeliveryFilter(
                endpoint: endpoint, state: state.flatMap(DeliveryState.init), type: type, before: before,
                limit: limit ?? 50)
            let rows = try await database.deliveries(filter).map { delivery in
                [
                    "\(delivery.id)", delivery.createdAt.iso8601, delivery.endpoint, delivery.type,
                    delivery.state.rawValue, "\(delivery.attempts)",
                    delivery.error ?? delivery.status.map { "HTTP \($0)" } ?? "",
                ]
            }
            guard !rows.isEmpty else {
                // One that was removed may have some all the same.
                if let endpoint, try await database.deliveries(DeliveryFilter(endpoint: endpoint, limit: 1)).isEmpty {
                    _ = try await Loading.stage(of: endpoint, among: stages, database)
                }
                return Output.error(hasFilter ? "There are no deliveries that match." : "There are no deliveries.")
            }
            Output.table([["ID", "MADE", "ENDPOINT", "TYPE", "STATE", "ATTEMPTS", "LAST ANSWER"]] + rows)
        }

        private func show(_ id: Int64, _ database: Database, _ stages: [ConfiguredWebhook]) async throws {
            guard let (delivery, payload, attempts) = try await database.delivery(id: id) else {
                throw Loading.failure("there is no delivery \(id). See: sluice webhook deliveries")
            }
            Output.line("\(delivery.type) \(delivery.eventID) to \(delivery.endpoint): \(delivery.state.rawValue)")
            if delivery.state == .scheduled { Output.line("next attempt: \(delivery.dueAt.iso8601)") }
            for attempt in attempts {
                let result = attempt.error ?? attempt.status.map { "HTTP \($0)" } ?? ""
                let line = TerminalText.line("\(attempt.duration.wholeMilliseconds) ms  \(result)")
                Output.line("  \(attempt.at.iso8601)  \(line)")
                // Further in than any line of Sluice's own.
                let answer = TerminalText.lines(attempt.answer).replacing("\n", with: "\n    ")
                if !answer.isEmpty { Output.line("    \(answer)") }
            }
            let stage = stages.first { $0.name == delivery.stage }
            let shown = ShownEvent(
                payload, to: delivery.endpoint, among: try await stage?.endpoints(database) ?? [],
                stageContent: stage?.options.content)
            Output.line(shown.event.encoded())
            if let body = shown.body { Output.line("Its template makes of it:\n\(body)") }
        }
    }

    struct Replay: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Deliver again: one delivery, or all that were given up since a time.")

        @ArgumentParser.OptionGroup var configurationOptions: ConfigurationOptions
        @Argument(help: "The id of a delivery that is over, or waits for its next try.")
        var id: Int64?
        @ArgumentParser.Option(help: "All that were given up since this time, such as 2026-01-31T00:00:00Z.")
        var failedSince: String?
        @ArgumentParser.Option(help: "With --failed-since: only those to this endpoint.")
        var endpoint: String?

        func validate() throws {
            guard (id == nil) != (failedSince == nil) else {
                throw ValidationError("Say either the id of a delivery or --failed-since.")
            }
            if id != nil, endpoint != nil {
                throw ValidationError("--endpoint goes with --failed-since; a delivery has its endpoint already.")
            }
            if let failedSince, Timestamp(iso8601: failedSince) == nil {
                throw ValidationError("--failed-since must be a time such as 2026-01-31T00:00:00Z.")
            }
        }

        func run() async throws {
            let (database, stages) = try Loading.webhooks(configurationOptions)
            let now = SystemTime().now
            if let id {
                guard let (delivery, _, _) = try await database.delivery(id: id) else {
                    throw Loading.failure("there is no delivery \(id). See: sluice webhook deliveries")
                }
                try await Loading.requireUsable(delivery.endpoint, of: stages, delivery.stage, database)
                guard try await database.replay(id: id, now: now) else {
                    throw Loading.failure("the delivery \(id) waits for an earlier one of its session")
                }
                Output.line("The delivery \(id) goes out again.")
            } else if let since = failedSince.flatMap({ Timestamp(iso8601: $0) }) {
                if let endpoint { try await Loading.requireUsable(endpoint, of: stages, nil, database) }
                var count = 0
                for stage in stages {
                    for entry in try await stage.endpoints(database)
                    where entry.obstacle == nil && endpoint ?? entry.endpoint.name == entry.endpoint.name {
                        count += try await database.replayDead(
                            since: since, stage: stage.name, endpoint: entry.endpoint.name, now: now)
                    }
                }
                Output.line(count == 1 ? "1 delivery goes out again." : "\(count) deliveries go out again.")
            }
        }
    }

    struct Change: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Change the options of an endpoint that was added at run time.",
            discussion: """
                The changes are a JSON object, as for PATCH /api/webhooks/endpoints/{name}; they are read from standard input, so \
                that a secret is not seen in the list of processes:

                    echo '{"enabled": false}' | sluice webhook change mine
                """)

        @ArgumentParser.OptionGroup var configurationOptions: ConfigurationOptions
        @Argument(help: "The endpoint's name, as `sluice webhook list` shows it.")
        var name: String

        func run() async throws {
            let (database, stages) = try Loading.webhooks(configurationOptions)
            var text = ""
            while let line = readLine(strippingNewline: false) { text += line }
            guard let changes = (try? JSONValue(parsing: text))?.object else {
                throw Loading.failure("what came on standard input is no JSON object, such as {\"enabled\": false}")
            }
            let stage = try await Loading.stage(of: name, among: stages, database)
            let before = try await stage.endpoints(database).first { $0.endpoint.name == name }?.endpoint.options
            let after: EndpointEditor.Result
            do {
                after = try await EndpointEditor(stage: stage.name, settings: stage.options.settings, store: database)
                    .change(name, changes, now: SystemTime().now)
            } catch let rejection as Rejection {
                throw Loading.failure(rejection.message)
            }
            Output.line("The endpoint \(name) is changed.")
            for warning in after.warnings { Output.error("warning: \(warning)") }
            if changes["headers"] == nil, before?.headers.isEmpty == false, after.endpoint.options.headers.isEmpty {
                Output.error(
                    "Its headers do not go to another server, so it has none now; give new `headers` if it needs some.")
            }
        }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Send again to an endpoint that said that it is gone (HTTP 410), or is paused because its calls failed."
        )

        @ArgumentParser.OptionGroup var configurationOptions: ConfigurationOptions
        @Argument(help: "The endpoint's name, as `sluice webhook list` shows it.")
        var name: String

        func run() async throws {
            let (database, stages) = try Loading.webhooks(configurationOptions)
            let stage = try await Loading.stage(of: name, among: stages, database)
            let entry = try await stage.endpoints(database).first { $0.endpoint.name == name }
            guard entry?.endpoint.options.enabled != false else {
                throw Loading.failure("the endpoint \(name) is disabled (`enabled: false`); set `enabled: true` first.")
            }
            try await database.enableEndpoint(stage: stage.name, name: name, now: SystemTime().now)
            Output.line("Events go to \(name) again.")
        }
    }

    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send a test event to an endpoint, through the running server, and say what it answered.")

        @ArgumentParser.OptionGroup var configurationOptions: ConfigurationOptions
        @Argument(help: "The endpoint's name, as `sluice webhook list` shows it.")
        var name: String
        @ArgumentParser.Option(help: "How many seconds to wait for the answer.")
        var wait = 15

        func run() async throws {
            let (database, stages) = try Loading.webhooks(configurationOptions)
            try await Loading.requireUsable(name, of: stages, nil, database)
            for stage in stages {
                guard try await stage.endpoints(database).contains(where: { $0.endpoint.name == name }) else {
                    continue
                }
                let id = try await WebhookAdministration.test(
                    name, stage: stage.name, store: database, now: SystemTime().now)
                Output.line("The test event \(id) is on its way.")
                return try await report(id, database)
            }
        }

        /// Waits for the first attempt.
        private func report(_ id: String, _ database: Database) async throws {
            for _ in 0..<max(1, wait * 5) {
                try await Task.sleep(for: .milliseconds(200))
                let filter = DeliveryFilter(endpoint: name, type: EventType.test)
                guard let delivery = try await database.deliveries(filter).first(where: { $0.eventID == id }),
                    delivery.attempts > 0
                else { continue }
                guard delivery.state == .delivered else {
                    throw Loading.failure(
                        "\(delivery.error ?? "it failed"). See: sluice webhook deliveries \(delivery.id)")
                }
                return Output.line("The endpoint took it (HTTP \(delivery.status ?? 0)).")
            }
            throw Loading.failure(
                "nothing was sent yet. Either no server runs with this configuration, or it has paused the endpoint because "
                    + "its newest calls failed: its log and GET /api/webhooks/endpoints say so")
        }
    }
}

/// A webhook stage of the configuration.
struct ConfiguredWebhook {
    let name: String
    let options: WebhookOptions

    /// Those of the configuration and those that were added at run time.
    func endpoints(_ database: Database) async throws -> [EndpointDirectory.Entry] {
        try await EndpointDirectory.Entry.all(
            stage: name, configured: options.ready, content: options.content, in: database)
    }
}

extension Loading {
    /// The database, and the webhook stages of a configuration.
    fileprivate static func webhooks(
        _ options: ConfigurationOptions, mayHaveNone: Bool = false
    ) throws -> (Database, [ConfiguredWebhook]) {
        let loaded = try settings(options.config)
        let stages = loaded.loaded.chains.stages.compactMap { planned in
            (planned.options as? WebhookOptions).map { ConfiguredWebhook(name: planned.entry.name, options: $0) }
        }
        guard mayHaveNone || !stages.isEmpty else {
            throw failure("the configuration has no webhook stage. docs/webhooks.md shows how to add one.")
        }
        return (try existingDatabase(loaded.settings, of: options), stages)
    }

    /// The stage that has an endpoint.
    fileprivate static func stage(
        of name: String, among stages: [ConfiguredWebhook], _ database: Database
    ) async throws -> ConfiguredWebhook {
        for stage in stages {
            if try await stage.endpoints(database).contains(where: { $0.endpoint.name == name }) { return stage }
        }
        throw unknown(name)
    }

    /// Ends the command when nothing would be sent to an endpoint.
    ///
    /// - Parameter stage: Nil: the first one that has it.
    fileprivate static func requireUsable(
        _ name: String, of stages: [ConfiguredWebhook], _ stage: String?, _ database: Database
    ) async throws {
        for candidate in stages where stage ?? candidate.name == candidate.name {
            guard let entry = try await candidate.endpoints(database).first(where: { $0.endpoint.name == name })
            else { continue }
            if let obstacle = entry.obstacle { throw failure("the endpoint “\(name)” \(obstacle)") }
            return
        }
        throw unknown(name)
    }

    private static func unknown(_ endpoint: String) -> any Error {
        failure("no webhook stage of the configuration has an endpoint “\(endpoint)”. See: sluice webhook list")
    }

    /// Says what is wrong, and ends the command.
    fileprivate static func failure(_ message: String) -> any Error {
        Output.error("sluice: \(message)")
        return ExitCode(Exit.failure)
    }
}
