/// What the demo assistant can tell, in the order in which it looks for words.
enum DemoTopic: CaseIterable {
    case help, markdown, code, table, gateway, stage, config, chain, plugin, history, api, sluice

    /// Any of these words, in lower case, asks for the topic.
    var words: Set<String> {
        switch self {
        case .help: ["help", "commands", "menu"]
        case .markdown: ["markdown", "formatting", "format"]
        case .code: ["code", "swift"]
        case .table: ["table"]
        case .gateway: ["gateway", "gateways", "openclaw", "connect", "real", "token"]
        case .stage: ["stage", "stages", "middleware", "add"]
        case .config: ["config", "config.yaml", "configuration", "configure", "settings", "yaml"]
        case .chain: ["chain", "pipeline", "order"]
        case .plugin: ["plugin", "plugins"]
        case .history: ["history", "sqlite", "store", "stored", "database"]
        case .api: ["api", "http", "websocket", "ws"]
        case .sluice: ["sluice", "about", "who", "demo"]
        }
    }

    var text: String {
        switch self {
        case .help: DemoText.help
        case .markdown: DemoText.markdown
        case .code: DemoText.code
        case .table: DemoText.table
        case .gateway: DemoText.gateway
        case .stage: DemoText.stage
        case .config: DemoText.config
        case .chain: DemoText.chain
        case .plugin: DemoText.plugin
        case .history: DemoText.history
        case .api: DemoText.api
        case .sluice: DemoText.sluice
        }
    }
}
