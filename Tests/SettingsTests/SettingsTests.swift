import MiddlewareKit
import Settings
import Testing

@Suite struct SettingsTests {
    @Test func anEmptyFileWorks() throws {
        let loaded = load("")
        let settings = try #require(loaded.settings)
        #expect(loaded.findings.all.isEmpty)
        #expect(settings.server.host == "127.0.0.1" && settings.server.port == 8080)
        #expect(settings.gateways.isEmpty)
        #expect(loaded.stages.map(\.entry.name) == ["auth", "rate-limit", "thinking-strip", "persist"])
    }

    @Test func theDefaultsReadBack() throws {
        let text = Settings().optionText
        let loaded = load(text)
        #expect(loaded.findings.all.map(\.description) == [])
        #expect(loaded.settings?.optionText == text)
        #expect(text.contains("pipeline: [{ use: auth, with: { mode: none }"))
    }

    @Test func everyOptionIsRead() throws {
        let text = """
            server:
              host: localhost
              port: 0
              max-message-size: 2MiB
              ping-interval: 1m
              auth-timeout: 5s
              max-connections: 5
              queue-size: 64KiB
              allowed-origins: ["https://chat.example.com"]
            storage: { path: /var/lib/x.db, synchronous: normal, busy-timeout: 0s }
            gateways:
              - id: home
                name: Home
                url: ws://127.0.0.1:18789
                token: "${TOKEN}"
                password: ${NONE:-}
                request-timeout: 5s
                scopes: [operator.read]
              - { id: b2, url: "wss://example.com/path" }
            pipeline:
              - use: auth
              - use: persist
                name: store
                with: { size: 7 }
                mode: shadow
                timeout: 2s
                on-error: open
                when: "kind in [chat, abort] and user starts-with a"
              - { use: rate-limit, enabled: false }
            shutdown: { timeout: 1s }
            log: { level: debug, format: json }
            scan: { enabled: true, networks: [10.0.0.0/24], port: 1 }
            """
        let loaded = load(text, environment: ["TOKEN": "t: #1"])
        #expect(loaded.findings.all.map(\.description) == [])
        let settings = try #require(loaded.settings)
        #expect(settings.server.maxMessageSize == .mebibytes(2) && settings.server.queueSize == .kibibytes(64))
        #expect(settings.server.pingInterval == .seconds(60) && settings.server.authTimeout == .seconds(5))
        #expect(settings.server.maxConnections == 5 && settings.server.port == 0)
        #expect(settings.server.allowedOrigins == ["https://chat.example.com"])
        #expect(settings.storage.path == "/var/lib/x.db" && settings.storage.synchronous == .normal)
        #expect(settings.storage.busyTimeout == .zero)
        let home = try #require(settings.gateways.first)
        #expect(home.id.value == "home" && home.name == "Home" && home.url == "ws://127.0.0.1:18789")
        #expect(home.token?.revealed == "t: #1" && home.password == nil)
        #expect(home.requestTimeout == .seconds(5) && home.scopes == ["operator.read"])
        #expect(settings.gateways[1].name == "b2")
        #expect(settings.shutdown.timeout == .seconds(1))
        #expect(settings.log.level == .debug && settings.log.format == .json)
        #expect(
            settings.scan.enabled && settings.scan.networks.map(\.optionText) == ["10.0.0.0/24"]
                && settings.scan.port == 1)
        #expect(settings.pipeline[1].when?.description == "kind in [chat, abort] and user starts-with a")
        #expect(settings.pipeline[1].mode == .shadow)
    }

    @Test func whatIsWrongIsReportedAllAtOnce() {
        let text = """
            server: { prot: 80, port: 70000, queue-size: 1MB, allowed-origins: ["http://x/"] }
            storage: { synchronous: ful }
            storages: {}
            gateways:
              - { id: home, url: "http://x" }
              - { id: home }
              - { id: Bad Id, url: "ws://x", token: [] }
            log: { level: info, level: debug }
            pipeline:
              - use: persit
              - with: {}
              - { use: persist, with: { size: x, sise: 1 } }
              - { use: auth, on-error: open }
              - { use: auth }
              - { use: rate-limit, when: kind == chatt }
              - { use: thinking-strip, when: kind == final and direction == inbound, timeout: 0s }
            """
        let identifier = "`id` must be 1 to 64 of the characters a-z, 0-9, - and _, and begin with a letter or a digit"
        #expect(
            findings(text) == [
                "c:1:11: error: `prot` is not an option here (did you mean `port`?)",
                "c:1:27: error: `port` must be in the range 0 to 65535",
                "c:1:46: error: `queue-size` must be a size such as 64KiB or 1MiB, not `1MB` "
                    + "(write MiB, which is 1024 KiB)",
                "c:1:68: error: `allowed-origins` must be origins such as http://localhost:3000, without a path",
                "c:2:25: error: `synchronous` must be one of full, normal, not `ful` (did you mean `full`?)",
                "c:3:1: error: `storages` is not an option here (did you mean `storage`?)",
                "c:5:22: error: `url` must be an address such as ws://127.0.0.1:18789 or wss://example.com",
                "c:6:5: error: `url` is missing (for example url: \"ws://127.0.0.1:18789\")",
                "c:6:11: error: two gateways have the id `home`; the first one is in line 5, column 11 (ids must be unique)",
                "c:7:11: error: \(identifier)",
                "c:7:41: error: `token` must be text, not a list",
                "c:8:21: error: `level` is given twice; the first one is in line 8, column 8 (keep one of them)",
                "c:10:10: error: there is no stage of the kind `persit` (did you mean `persist`?)",
                "c:11:5: error: `use` is missing (for example use: persist)",
                "c:12:35: error: `size` must be a whole number such as 10, not `x`",
                "c:12:38: error: `sise` is not an option here (did you mean `size`?)",
                "c:13:28: error: `on-error` must be closed: a stage of kind `auth` guards something (leave it out)",
                "c:14:12: error: two stages have the name `auth`; the first one is in line 13, column 12 "
                    + "(give one of them a `name` of its own)",
                "c:15:38: error: `kind` is never `chatt` (did you mean `chat`?)",
                "c:16:34: error: `when` is never true (no message is all of this at once)",
                "c:16:83: error: `timeout` must be longer than 0s",
            ])
    }

    @Test func aCertificateNeedsItsKey() {
        #expect(
            findings("server: { tls: { certificate: a.pem } }")
                == ["c:1:31: error: `key` is missing beside it (`tls` needs `certificate` and `key`)"])
        #expect(
            findings("server: { tls: { key: a.pem } }")
                == ["c:1:23: error: `certificate` is missing beside it (`tls` needs `certificate` and `key`)"])
        #expect(load("server: { tls: { certificate: a.pem, key: b.pem } }").settings?.server.tls.files?.key == "b.pem")
    }

    @Test(arguments: [
        ("", 1), ("tls: { certificate: a.pem, key: b.pem }", 0), ("trusted-proxies: [10.0.0.0/8]", 0),
    ])
    func keysInClearAreWarnedOf(rest: String, count: Int) {
        let text = """
            server: { host: 0.0.0.0, \(rest) }
            pipeline: [ { use: auth, with: { mode: api-keys } } ]
            """
        #expect(findings(text).filter { $0.contains("in clear") && $0.contains("warning") }.count == count)
    }

    @Test func anotherCertificateNeedsNoRestart() {
        let loaded = ["", "tls: { certificate: a, key: b }", "tls: { certificate: c, key: b }"].map {
            load("server: { \($0) }")
        }
        #expect(ConfigDiff.changes(from: loaded[0], to: loaded[1]).map(\.needsRestart) == [true, true])
        #expect(ConfigDiff.changes(from: loaded[1], to: loaded[2]).map(\.needsRestart) == [false])
        #expect(ConfigDiff.changes(from: loaded[2], to: loaded[0]).map(\.needsRestart) == [true, true])
    }

    @Test func aVariableIsNoList() {
        let found = findings("pipeline: \"${PIPE}\"\n", environment: ["PIPE": "[ { use: persist } ]"])
        #expect(
            found == [
                "c:1:11: error: `pipeline` must be a list such as [a, b], not what the environment variable holds "
                    + "(a variable holds a single value: write the list here, and variables for values in it)"
            ])
    }
}
