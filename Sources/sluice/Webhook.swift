import ArgumentParser
import BrowserEndpoint
import MiddlewareKit
import Settings
import SluiceServer
import Stages
import Storage
import Webhooks

struct Webhook: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look at webhook endpoints and deliveries, deliver again, and send a test event.",
        discussion: "The commands work on the database; a running server notices within a second.",
        subcommands: [List.self, Deliveries.self, Replay.self, Test.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the endpoints, with what is open and what was given up.")

        @ArgumentParser.OptionGroup var configurationOptions: ConfigurationOptions

        func run() async throws {
            let (database, stages) = try Loading.webhooks(configurationOptions.config)
            var rows: [[String]] = []
            for stage in stages {
                let counts = try await database.deliveryCounts(stage: stage.name)
                let gone = try await database.goneEndpoints(stage: stage.name).map(\.name)
                for endpoint in try await stage.endpoints(database) {
                    let count = counts.first { $0.endpoint == endpoint.name }
                    let state =
                        !endpoint.options.enabled ? "disabled" : gone.contains(endpoint.name) ? "gone" : "active"
                    rows.append([
                        endpoint.name, stage.name, "\(endpoint.url)", endpoint.isAdded ? "api" : "config", state,
                        "\(count?.open ?? 0)", "\(count?.dead ?? 0)",
                        endpoint.options.events.map(\.rawValue).joined(separator: ","),
                    ])
                }
            }
            guard !rows.isEmpty else {
                return Output.error("No endpoint is configured. docs/webhooks.md shows how to name one.")
            }
            Output.table([["NAME", "STAGE", "URL", "FROM", "STATE", "OPEN", "DEAD", "EVENTS"]] + rows)
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
        @ArgumentParser.Option(help: "How many, at most 500.")
        var limit = 50

        func validate() throws {
            if let state, DeliveryState(rawValue: state) == nil {
                throw ValidationError("--state must be waiting, scheduled, delivered or dead.")
            }
            guard (1...500).contains(limit) else { throw ValidationError("--limit must be between 1 and 500.") }
        }

        func run() async throws {
            let (database, _) = try Loading.webhooks(configurationOptions.config)
            if let id { return try await show(id, database) }
            let filter = DeliveryFilter(
                endpoint: endpoint, state: state.flatMap(DeliveryState.init), type: type, before: before, limit: limit)
            let rows = try await database.deliveries(filter).map { delivery in
                [
                    "\(delivery.id)", delivery.createdAt.iso8601, delivery.endpoint, delivery.type,
                    delivery.state.rawValue, "\(delivery.attempts)",
                    delivery.error ?? delivery.status.map { "HTTP \($0)" } ?? "",
                ]
            }
            guard !rows.isEmpty else { return Output.error("There is no such delivery.") }
            Output.table([["ID", "MADE", "ENDPOINT", "TYPE", "STATE", "ATTEMPTS", "LAST ANSWER"]] + rows)
        }

        private func show(_ id: Int64, _ database: Database) async throws {
            guard let (delivery, payload, attempts) = try await database.delivery(id: id) else {
                throw Loading.failure("there is no delivery \(id). See: sluice webhook deliveries")
            }
            Output.line("\(delivery.type) \(delivery.eventID) to \(delivery.endpoint): \(delivery.state.rawValue)")
            if delivery.state == .scheduled { Output.line("next attempt: \(delivery.dueAt.iso8601)") }
            for attempt in attempts {
                let result = attempt.error ?? attempt.status.map { "HTTP \($0)" } ?? ""
                Output.line("  \(attempt.at.iso8601)  \(attempt.duration.wholeMilliseconds) ms  \(result)")
                if !attempt.answer.isEmpty { Output.line("    \(attempt.answer)") }
            }
            Output.line(payload)
        }
    }

    struct Replay: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Deliver again: one delivery, or all that were given up since a time.")

        @ArgumentParser.OptionGroup var configurationOptions: ConfigurationOptions
        @Argument(help: "The id of a delivery that is over.")
        var id: Int64?
        @ArgumentParser.Option(help: "All that were given up since this time, such as 2026-01-31T00:00:00Z.")
        var failedSince: String?
        @ArgumentParser.Option(help: "With --failed-since: only those to this endpoint.")
        var endpoint: String?

        func validate() throws {
            guard (id == nil) != (failedSince == nil) else {
                throw ValidationError("Say either the id of a delivery or --failed-since.")
            }
            if let failedSince, Timestamp(iso8601: failedSince) == nil {
                throw ValidationError("--failed-since must be a time such as 2026-01-31T00:00:00Z.")
            }
        }

        func run() async throws {
            let (database, _) = try Loading.webhooks(configurationOptions.config)
            let now = SystemTime().now
            if let id {
                guard try await database.replay(id: id, now: now) else {
                    throw Loading.failure("there is no delivery \(id) that is over. See: sluice webhook deliveries")
                }
                Output.line("The delivery \(id) goes out again.")
            } else if let since = failedSince.flatMap({ Timestamp(iso8601: $0) }) {
                let count = try await database.replayDead(since: since, endpoint: endpoint, now: now)
                Output.line("\(count) deliveries go out again.")
            }
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
            let (database, stages) = try Loading.webhooks(configurationOptions.config)
            for stage in stages {
                guard try await stage.endpoints(database).contains(where: { $0.name == name }) else { continue }
                let id = try await WebhookAdministration.test(
                    name, stage: stage.name, store: database, now: SystemTime().now)
                Output.line("The test event \(id) is on its way.")
                return try await report(id, database)
            }
            throw Loading.failure("there is no endpoint “\(name)”. See: sluice webhook list")
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
            throw Loading.failure("nothing was sent yet. Is the server running with this configuration?")
        }
    }
}

/// A webhook stage of the configuration.
struct ConfiguredWebhook {
    let name: String
    let options: WebhookOptions

    /// Those of the configuration and those that were added at run time.
    func endpoints(_ database: Database) async throws -> [Endpoint] {
        let configured = options.ready
        let added = try await database.addedEndpoints(stage: name).compactMap { name, settings in
            Endpoint(stored: settings, name: name, content: options.content)
        }
        return configured + added.filter { new in !configured.contains { $0.name == new.name } }
    }
}

extension Loading {
    /// The database, and the webhook stages of a configuration.
    fileprivate static func webhooks(_ file: String) throws -> (Database, [ConfiguredWebhook]) {
        let loaded = try settings(file)
        let stages = loaded.loaded.chains.stages.compactMap { planned in
            (planned.options as? WebhookOptions).map { ConfiguredWebhook(name: planned.entry.name, options: $0) }
        }
        guard !stages.isEmpty else {
            throw failure("the configuration has no webhook stage. docs/webhooks.md shows how to add one.")
        }
        return (try database(loaded.settings), stages)
    }

    /// Says what is wrong, and ends the command.
    fileprivate static func failure(_ message: String) -> any Error {
        Output.error("sluice: \(message)")
        return ExitCode(Exit.failure)
    }
}
