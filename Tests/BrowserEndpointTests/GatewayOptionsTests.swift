import BrowserEndpoint
import Foundation
import JSON
import MiddlewareKit
import MiddlewareTesting
import OpenClaw
import OpenClawTesting
import Stages
import Storage
import TestCertificates
import Testing
import WebSocketTransport

/// Gateways that are added at run time have the options of those in config.yaml.
@Suite(.timeLimit(.minutes(1))) struct GatewayOptionsTests {
    private static let options: JSONValue = [
        "request-timeout": "5s", "scopes": ["operator.read", "operator.write", "operator.admin"],
        "while-away": "reject", "commands": "block", "known-sessions": "first-user", "approvals": "owners",
        "when-removed": "abort",
        "tls": ["pin": .string(String(repeating: "ab", count: 32)), "server-name": "gateway.example.com"],
    ]

    private func add(_ rig: Rig, _ options: JSONValue, url: String = "wss://127.0.0.1:9") async throws -> HTTPAnswer {
        let body: JSONValue = [
            "id": "extra", "name": "Extra", "url": .string(url), "token": "t0ps3cret", "options": options,
        ]
        return try await rig.http("POST", "/api/gateways", body: body.encoded())
    }

    @Test func allOptionsAreStoredAndInForce() async throws {
        try await Rig.run { rig in
            let answer = try await add(rig, Self.options)
            #expect(answer.status == 201, "\(answer.text)")
            #expect(answer.json["options"] == Self.options)
            let configuration = try #require(await rig.manager.configuration(of: "extra"))
            #expect(configuration.requestTimeout == .seconds(5))
            #expect(configuration.scopes.last == "operator.admin")
            #expect(configuration.whileAway == .reject && configuration.blocksCommands)
            #expect(configuration.sharesKnownSessions && configuration.approvals == .owners)
            #expect(configuration.abortsWhenRemoved)
            #expect(configuration.tls.pin == [UInt8](repeating: 0xAB, count: 32))
            #expect(configuration.tls.serverName == "gateway.example.com")
            // As after a restart.
            let stored = try #require(try await rig.database.gateways().first)
            #expect(try GatewayConfiguration(stored) == configuration)
            let listed = try await rig.http("GET", "/api/gateways")
            #expect(listed.json.array?.last?["options"] == Self.options)
            #expect(!listed.text.contains("t0ps3cret"))
            #expect(try await rig.http("GET", "/api/gateways/extra/status").json["options"] == Self.options)
        }
    }

    @Test(arguments: [
        (#"{"approval":"owners"}"#, "did you mean `approvals`?"),
        (#"{"approvals":"everybody"}"#, "`approvals` must be one of off, administrators, owners"),
        (#"{"queue-messages":0}"#, "`queue-messages` must be in the range 1 to 10000"),
        (#"{"queue-time":5}"#, "`queue-time` must be a duration such as 30s or 1m"),
        (#"{"tls":{"pin":"abc"}}"#, "`pin` must be 64 hexadecimal digits"),
        (#"{"tls":{"ca-file":"/nowhere/ca.pem"}}"#, "/nowhere/ca.pem cannot be read: there is no such file"),
        (#"{"tls":{"ca-file":"/dev/zero"}}"#, "/dev/zero cannot be read: it is a device, not a file"),
        (#"{"tls":{"ca-file":"/etc"}}"#, "/etc cannot be read: it is a folder, not a file"),
        (#"{"tls":{"ca-file":"/etc/passwd"}}"#, "/etc/passwd holds no certificate in PEM form"),
        (#"{"token":"x"}"#, "`token` does not belong in `options`"),
        (#"{"scopes":["${HOME}",""]}"#, "`scopes` must name at least one scope"),
        (#"[]"#, "`options` must be an object"),
    ])
    func whatIsWrongIsSaid(options: String, words: String) async throws {
        try await Rig.run { rig in
            let answer = try await add(rig, try JSONValue(parsing: options))
            #expect(answer.status == 400)
            #expect(answer.json["error"]?["message"]?.string?.contains(words) == true, "\(answer.text)")
            #expect(!answer.text.contains("root:"))
            #expect(try await rig.database.gateways().isEmpty)
            #expect(await rig.manager.configuration(of: "extra") == nil)
        }
    }

    /// Who may not do it learns nothing of how it is done.
    @Test(arguments: [
        ("POST", "/api/gateways"), ("PATCH", "/api/gateways/home"), ("POST", "/api/gateways/home/approvals/1"),
    ])
    func rightsComeBeforeTheBody(method: String, path: String) async throws {
        var options = Rig.Options()
        options.auth = .apiKeys
        options.approvals = .administrators
        try await Rig.run(options) { rig in
            let key = try await rig.database.createKey(user: "ada", isAdministrator: false).text
            for body in ["", "no JSON", #"{"nonsense": 1}"#] {
                let stranger = try await rig.http(method, path, body: body)
                #expect(stranger.status == 401, "\(stranger.text)")
                let user = try await rig.http(
                    method, path, headers: [("Authorization", "Bearer \(key)")], body: body)
                // Those who may not decide are not told that there is something to decide.
                #expect(user.status == (path.contains("approvals") ? 404 : 403), "\(user.text)")
            }
        }
    }

    /// As in config.yaml.
    @Test func theNameMayBeLeftOut() async throws {
        try await Rig.run { rig in
            let added = try await rig.http(
                "POST", "/api/gateways", body: #"{"id": "extra", "url": "ws://127.0.0.1:9"}"#)
            #expect(added.status == 201 && added.json["name"] == "extra", "\(added.text)")
            let nameless = try await rig.http("POST", "/api/gateways", body: #"{"url": "ws://127.0.0.1:9"}"#)
            #expect(nameless.status == 400 && nameless.text.contains("`name` is missing"))
        }
    }

    @Test func withoutTLSThereIsNothingToCheck() async throws {
        try await Rig.run { rig in
            let answer = try await add(rig, ["tls": ["server-name": "x.example"]], url: "ws://127.0.0.1:9")
            #expect(answer.status == 400)
            #expect(answer.json["error"]?["message"]?.string?.contains("begins with ws://") == true)
        }
    }

    @Test func aPipeIsNotWaitedFor() async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).pipe").path()
        #expect(mkfifo(path, 0o600) == 0)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await Rig.run { rig in
            let answer = try await add(rig, ["tls": ["ca-file": .string(path)]])
            #expect(answer.json["error"]?["message"]?.string?.contains("it is a named pipe, not a file") == true)
        }
    }

    @Test func optionsAreChangedOneByOne() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            #expect(try await add(rig, ["approvals": "owners"], url: await rig.gateway.url).status == 201)
            _ = try await browser.next { $0["gateway"] == "extra" && $0["connected"] == true }
            let connections = await rig.gateway.clientCount
            // What is decided here needs no new connection.
            let path = "/api/gateways/extra"
            let first = try await rig.http("PATCH", path, body: #"{"options":{"while-away":"reject"}}"#)
            #expect(first.json["options"] == ["approvals": "owners", "while-away": "reject"])
            #expect(first.json["connected"] == true)
            #expect(await rig.gateway.clientCount == connections)
            #expect(await rig.manager.configuration(of: "extra")?.whileAway == .reject)
            // Other rights do.
            let second = try await rig.http("PATCH", path, body: #"{"options":{"approvals":null}}"#)
            #expect(second.json["options"] == ["while-away": "reject"])
            #expect(second.json["connected"] == false)
            _ = try await browser.next { $0["gateway"] == "extra" && $0["connected"] == true }
            #expect(await rig.manager.configuration(of: "extra")?.approvals == .off)
            #expect(try await rig.database.gateways().first?.token == "t0ps3cret")
            let wrong = try await rig.http("PATCH", path, body: #"{"options":{"while-away":"never"}}"#)
            #expect(wrong.status == 400)
            #expect(try await rig.database.gateways().first?.options == ["while-away": "reject"])
        }
    }

    /// Behind a proxy another name may be another gateway.
    @Test func anotherNameDoesNotGetTheOldSecret() async throws {
        try await Rig.run { rig in
            #expect(try await add(rig, Self.options).status == 201)
            let path = "/api/gateways/extra"
            let pin = try await rig.http("PATCH", path, body: #"{"options":{"tls":{"pin":null}}}"#)
            #expect(pin.json["options"]?["tls"] == ["server-name": "gateway.example.com"])
            #expect(try await rig.database.gateways().first?.token == "t0ps3cret")
            _ = try await rig.http("PATCH", path, body: #"{"options":{"tls":{"server-name":"other.example.com"}}}"#)
            #expect(try await rig.database.gateways().first?.token == nil)
        }
    }

    @Test func onlyAdministratorsSeeThem() async throws {
        var options = Rig.Options()
        options.auth = .apiKeys
        try await Rig.run(options) { rig in
            let root = try await rig.database.createKey(user: "root", isAdministrator: true).text
            let ada = try await rig.database.createKey(user: "ada", isAdministrator: false).text
            let body: JSONValue = ["id": "extra", "name": "Extra", "url": "wss://127.0.0.1:9", "options": Self.options]
            let added = try await rig.http("POST", "/api/gateways", headers: bearer(root), body: body.encoded())
            #expect(added.status == 201)
            for path in ["/api/gateways", "/api/gateways/extra/status"] {
                #expect(try await rig.http("GET", path, headers: bearer(root)).text.contains("gateway.example.com"))
                let seen = try await rig.http("GET", path, headers: bearer(ada))
                #expect(seen.status == 200 && seen.text.contains("extra"))
                #expect(!seen.text.contains("options") && !seen.text.contains("gateway.example.com"))
            }
        }
    }

    private func bearer(_ key: String) -> [(String, String)] { [("Authorization", "Bearer \(key)")] }

    /// Real TLS, with a certificate that is trusted because of the option alone.
    @Test func theFileOfTheAuthorityIsInForce() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func write(_ text: String, to name: String) throws -> String {
            let file = folder.appending(path: name)
            try Data(text.utf8).write(to: file)
            return file.path()
        }
        let authority = try TestAuthority()
        let issued = try authority.issue(for: "gateway.test")
        let authorityFile = try write(authority.certificate.pem, to: "authority.pem")
        let files = ServerTLS.Files(
            certificate: try write(issued.certificate.pem, to: "certificate.pem"),
            key: try write(issued.key.pem, to: "key.pem"))
        var options = FakeGateway.Options()
        options.tls = ServerTLS(try ServerTLS.read(files))
        try await Rig.run { [options] rig in
            var options = options
            options.now = { rig.time.now.milliseconds }
            let gateway = FakeGateway(options: options)
            try await gateway.start()
            let browser = try await rig.browser()
            let tls: JSONValue = ["ca-file": .string(authorityFile), "server-name": "gateway.test"]
            let answer = try await add(rig, ["tls": tls], url: await gateway.url)
            #expect(answer.status == 201, "\(answer.text)")
            _ = try await browser.next { $0["gateway"] == "extra" && $0["connected"] == true }
            browser.send([
                "type": "chat", "gateway": "extra", "sessionKey": "s", "message": "Hello", "idempotencyKey": "r",
            ])
            #expect(try await browser.next(state: "final")["gateway"] == "extra")
            // Without it nobody vouches for the certificate.
            _ = try await rig.http("PATCH", "/api/gateways/extra", body: #"{"options":{"tls":{"ca-file":null}}}"#)
            // A moment later it may be tried again.
            let away = try await browser.next { $0["gateway"] == "extra" && $0["state"] == "backing-off" }
            #expect(away["code"] == "CERTIFICATE_NOT_TRUSTED")
            await gateway.stop()
        }
    }
}
