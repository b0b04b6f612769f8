import ArgumentParser
import MiddlewareKit
import Storage

struct Key: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make, list and revoke access keys (for `auth` with `mode: api-keys`).",
        subcommands: [Create.self, List.self, Revoke.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a key for a user and print it. It is shown this once; only its hash is kept.")

        @ArgumentParser.OptionGroup var configurationOptions: ConfigurationOptions
        @ArgumentParser.Option(help: "Whose key it is. A user may have several keys.")
        var user: String
        @Flag(help: "The user may manage gateways and see sessions that were started elsewhere.")
        var admin = false

        func validate() throws {
            guard Principal.isUserName(user) else {
                throw ValidationError("--user \(Principal.userNameRule)")
            }
        }

        func run() async throws {
            let database = try Loading.database(try Loading.settings(configurationOptions.config).settings)
            let made = try await database.createKey(user: user, isAdministrator: admin)
            Output.line(made.text)
            Output.error(
                "This is the key of “\(user)”\(admin ? ", an administrator" : ""). Keep it: it is not shown again.\n"
                    + "Send it as `Authorization: Bearer <key>`, or type it into the page.")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the keys: id, user, role, made, revoked.")

        @ArgumentParser.OptionGroup var configurationOptions: ConfigurationOptions

        func run() async throws {
            let database = try Loading.existingDatabase(
                try Loading.settings(configurationOptions.config).settings, of: configurationOptions)
            let keys = try await database.listKeys()
            guard !keys.isEmpty else {
                return Output.error("There is no key yet. Make one with: sluice key create --user NAME")
            }
            let rows = keys.map { key in
                [
                    key.id, key.user, key.isAdministrator ? "administrator" : "user", key.createdAt.iso8601,
                    key.revokedAt.map { "revoked \($0.iso8601)" } ?? "active",
                ]
            }
            Output.table([["ID", "USER", "ROLE", "MADE", "STATE"]] + rows)
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Revoke a key. A running server stops taking it within seconds.")

        @ArgumentParser.OptionGroup var configurationOptions: ConfigurationOptions
        @Argument(help: "The key's id, as `sluice key list` shows it.")
        var id: String

        func run() async throws {
            let database = try Loading.existingDatabase(
                try Loading.settings(configurationOptions.config).settings, of: configurationOptions)
            guard try await database.revokeKey(id: id) else {
                Output.error("sluice: there is no key with the id \(id). See: sluice key list")
                throw ExitCode(Exit.failure)
            }
            Output.line("The key \(id) is revoked.")
        }
    }
}
