package import MiddlewareKit

/// `shutdown:` of the configuration file.
package struct ShutdownSettings: OptionGroup {
    package var timeout: Duration = .seconds(10)

    package init() {}

    package static let options: [Option<Self>] = [
        Option(
            "timeout", \.timeout,
            help: "How long runs and connections may take to end before the server stops without them.",
            range: .seconds(0) ... .seconds(3600)
        )
    ]
}

/// `log:` of the configuration file.
package struct LogSettings: OptionGroup {
    package enum Level: String, OptionChoice {
        case trace, debug, info, notice, warning, error, critical
    }

    package enum Format: String, OptionChoice {
        case text, json
    }

    package var level = Level.info
    package var format = Format.text

    package init() {}

    package static let options: [Option<Self>] = [
        Option(
            "level", \.level,
            help: "The least important entries that are written. Only `trace` writes what people and agents say."),
        Option("format", \.format, help: "text: a line for people. json: an object for programs."),
    ]
}

/// `scan:` of the configuration file.
package struct ScanSettings: OptionGroup {
    package var enabled = false
    package var networks: [PrivateNetwork] = []
    package var port = 18_789

    package init() {}

    package static let options: [Option<Self>] = [
        Option("enabled", \.enabled, help: "Whether people may have the server look for gateways."),
        Option(
            "networks", \.networks,
            help: "The private networks to look in, each of at most 1024 addresses.",
            example: "[192.168.1.0/24]"
        ),
        Option("port", \.port, help: "The port that gateways listen on.", range: 1...65_535),
    ]
}
