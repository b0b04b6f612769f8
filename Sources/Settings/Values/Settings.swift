package import MiddlewareKit

/// The values of a configuration file. Every option has a default, so an empty file works.
package struct Settings: OptionGroup {
    package var include: [String] = []
    package var server = ServerSettings()
    package var storage = StorageSettings()
    package var gateways: [GatewaySettings] = []
    package var plugins: [Located<String>] = []
    package var pipeline: [StageEntry] = StageEntry.defaultPipeline
    package var stages: [String: StageEntry] = [:]
    package var chains: [String: ChainSettings] = [:]
    package var attach: [AttachSettings] = []
    package var shutdown = ShutdownSettings()
    package var log = LogSettings()
    package var scan = ScanSettings()
    package var metrics = MetricsSettings()
    package var traces = TracesSettings()

    package init() {}

    package static let options: [Option<Self>] = [
        Option(
            "include", \.include,
            help:
                "Other files, or folders of them, that belong to the configuration; seen from the folder of this file.",
            example: "[gateways.yaml, conf.d]"),
        Option("server", \.server, help: "Where browsers connect, and what one browser may use."),
        Option("storage", \.storage, help: "The database."),
        Option("gateways", \.gateways, help: "The agent gateways that the server connects to."),
        Option(
            "plugins", \.plugins,
            help:
                "Libraries with stages, or folders of them, made by `sluice plugin build`; seen from the folder of this file.",
            example: "[my-rules.so]"),
        Option("pipeline", \.pipeline, help: "The stages that every message meets, in this order, in both directions."),
        Option("stages", \.stages, help: "Stages by name, for several chains: `use` knows them by it."),
        Option("chains", \.chains, help: "Other chains than the pipeline, by name."),
        Option(
            "attach", \.attach, help: "Who gets which chain: the first that fits. Everybody else gets the pipeline."),
        Option("shutdown", \.shutdown, help: "How the server stops."),
        Option("log", \.log, help: "What is written to the log."),
        Option("scan", \.scan, help: "Looking for gateways in the local network."),
        Option("metrics", \.metrics, help: "The figures at `/metrics`."),
        Option("traces", \.traces, help: "What happens to messages, told to an OpenTelemetry collector."),
    ]
}
