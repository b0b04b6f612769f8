import MiddlewareKit
import NIOCore
import NIOPosix
import NIOSSL
import OutboundHTTP
import OutboundHTTPTesting
import Synchronization
import Testing

@Suite struct GuardedHTTPClientTests {
    @Test func callsAndAnswers() async throws {
        let server = try await ScriptedServer.start { _ in
            .answer(status: 201, headers: [("X-One", "1")], body: "made")
        }
        var call = try call(server, "/hook?a=b", body: "{}")
        call.headers = [("Content-Type", "application/json"), ("webhook-id", "msg_1")]
        let answer = try await GuardedHTTPClient().send(call)
        #expect(answer.status == 201)
        #expect(answer[header: "x-one"] == "1")
        #expect(answer.body == Array("made".utf8))
        #expect(answer.isComplete)

        let request = try #require(server.requests.first)
        #expect(request.method == "POST")
        #expect(request.target == "/hook?a=b")
        #expect(request.body == "{}")
        #expect(request[header: "host"] == "127.0.0.1:\(server.port)")
        #expect(request[header: "content-length"] == "2")
        #expect(request[header: "webhook-id"] == "msg_1")
        await server.stop()
    }

    @Test func privateAddressIsNotConnectedTo() async throws {
        let server = try await ScriptedServer.start { _ in .answer() }
        var call = try call(server)
        for host in ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"] {
            call.url = try HTTPAddress("http://\(host):\(server.port)/")
            call.rules.allowed = []
            let error = await #expect(throws: HTTPFailure.self) { try await GuardedHTTPClient().send(call) }
            #expect(error?.reason == .forbidden || host == "[::1]" && error?.reason == .hostNotFound, "\(host)")
        }
        #expect(server.requests.isEmpty)
        await server.stop()
    }

    @Test func portThatIsNotAllowedIsRefused() async throws {
        let server = try await ScriptedServer.start { _ in .answer() }
        var call = try call(server)
        call.rules.ports = [80, 443]
        await #expect(throws: HTTPFailure(.forbidden, "port \(server.port) is not one of the allowed ports")) {
            try await GuardedHTTPClient().send(call)
        }
        #expect(server.requests.isEmpty)
        await server.stop()
    }

    @Test func allAddressesOfANameMustBeAllowed() async throws {
        let resolver = try ScriptedResolver([["93.184.216.34", "10.0.0.7"]])
        let call = HTTPCall(url: try HTTPAddress("http://two.test/"))
        await #expect(
            throws: HTTPFailure(.forbidden, "the address 10.0.0.7 may not be called: it is a private address")
        ) { try await GuardedHTTPClient(resolver: resolver).send(call) }
    }

    /// DNS that answers with an allowed address first and with another one when it is asked again.
    @Test func theCheckedAddressIsConnectedTo() async throws {
        let server = try await ScriptedServer.start(host: "127.0.0.2") { _ in .answer(body: "the checked one") }
        let other = try await ScriptedServer.start(host: "127.0.0.1", port: server.port) { _ in .answer(body: "another")
        }
        let resolver = try ScriptedResolver([["127.0.0.2"], ["127.0.0.1"]])
        var call = try call(server)
        call.url = try HTTPAddress("http://rebind.test:\(server.port)/")
        call.rules.allowed = [try #require(IPNetwork("127.0.0.2"))]
        let client = GuardedHTTPClient(resolver: resolver)
        #expect(try await client.send(call).body == Array("the checked one".utf8))
        #expect(resolver.lookUps == 1)
        #expect(server.requests.first?[header: "host"] == "rebind.test:\(server.port)")
        // The second call asks again, and gets the address that may not be called.
        await #expect(throws: HTTPFailure.self) { try await client.send(call) }
        #expect(other.requests.isEmpty)
        await server.stop()
        await other.stop()
    }

    @Test func redirectIsAnAnswer() async throws {
        let server = try await ScriptedServer.start { _ in
            .answer(status: 302, headers: [("Location", "http://127.0.0.1/admin")])
        }
        let answer = try await GuardedHTTPClient().send(try call(server))
        #expect(answer.status == 302)
        #expect(server.requests.count == 1)
        await server.stop()
    }

    @Test func answerIsBounded() async throws {
        let server = try await ScriptedServer.start { _ in .flood }
        let answer = try await GuardedHTTPClient().send(try call(server))
        #expect(answer.status == 200)
        #expect(answer.body.count == 4096)
        #expect(!answer.isComplete)
        await server.stop()
    }

    @Test func serverThatHangsEndsTheCallInTime() async throws {
        let server = try await ScriptedServer.start { _ in .hang }
        var call = try call(server)
        // Long enough for a connection, on a machine that is busy.
        call.timeout = .seconds(2)
        await #expect(throws: HTTPFailure(.timedOut, "there was no answer in time")) {
            try await GuardedHTTPClient().send(call)
        }
        await server.stop()
    }

    @Test func statusCountsWhenTheBodyDoesNotCome() async throws {
        let server = try await ScriptedServer.start { _ in .drip }
        var call = try call(server)
        call.timeout = .milliseconds(500)
        let answer = try await GuardedHTTPClient().send(call)
        #expect(answer.status == 200)
        #expect(answer.body == Array("x".utf8))
        #expect(!answer.isComplete)
        await server.stop()
    }

    @Test func lookUpThatHangsEndsTheCallInTime() async throws {
        var call = HTTPCall(url: try HTTPAddress("http://slow.test/"))
        call.timeout = .milliseconds(50)
        let error = await #expect(throws: HTTPFailure.self) {
            try await GuardedHTTPClient(resolver: HangingResolver()).send(call)
        }
        #expect(error?.reason == .timedOut)
    }

    @Test func cancellationEndsTheCall() async throws {
        let server = try await ScriptedServer.start { _ in .hang }
        let call = try call(server)
        let task = Task { try await GuardedHTTPClient().send(call) }
        while server.requests.isEmpty { await Task.yield() }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        await server.stop()
    }

    @Test(arguments: [
        (ScriptedServer.Act.close, HTTPFailure.Reason.closed), (.raw("not HTTP at all\r\n\r\n"), .badAnswer),
    ])
    func brokenAnswers(act: ScriptedServer.Act, reason: HTTPFailure.Reason) async throws {
        let server = try await ScriptedServer.start { _ in act }
        let error = await #expect(throws: HTTPFailure.self) { try await GuardedHTTPClient().send(try call(server)) }
        #expect(error?.reason == reason)
        await server.stop()
    }

    @Test func refusedConnectionAndUnknownHost() async throws {
        let server = try await ScriptedServer.start { _ in .answer() }
        var call = try call(server)
        await server.stop()
        // The port of the discard service; a port that was just given up may be another test's by now.
        call.url = try HTTPAddress("http://127.0.0.1:9/")
        call.rules.ports = [9]
        let refused = await #expect(throws: HTTPFailure.self) { try await GuardedHTTPClient().send(call) }
        #expect(refused?.reason == .refused)
        let unknown = HTTPCall(url: try HTTPAddress("http://no-such-host.invalid/"))
        let error = await #expect(throws: HTTPFailure.self) { try await GuardedHTTPClient().send(unknown) }
        #expect(error == HTTPFailure(.hostNotFound, "the host no-such-host.invalid was not found"))
    }

    @Test func headerWithALineBreakIsNotSent() async throws {
        let server = try await ScriptedServer.start { _ in .answer() }
        var call = try call(server)
        call.headers = [("X-Bad", "a\r\nX-Injected: yes")]
        let error = await #expect(throws: HTTPFailure.self) { try await GuardedHTTPClient().send(call) }
        #expect(error?.reason == .badRequest)
        #expect(server.requests.isEmpty)
        await server.stop()
    }

    /// The connection goes to an address; the certificate is still checked against the name.
    @Test func certificateIsCheckedAgainstTheName() async throws {
        let certificate = try NIOSSLCertificate(bytes: Array(TestCertificate.certificate.utf8), format: .pem)
        let key = try NIOSSLPrivateKey(bytes: Array(TestCertificate.key.utf8), format: .pem)
        let serverTLS = try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: [.certificate(certificate)], privateKey: .privateKey(key)))
        let server = try await ScriptedServer.start(tls: serverTLS) { _ in .answer(body: "secure") }
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .certificates([certificate])
        let resolver = try ScriptedResolver([["127.0.0.1"]])
        let client = GuardedHTTPClient(resolver: resolver, tls: tls)
        var call = try call(server)

        call.url = try HTTPAddress("https://hook.test:\(server.port)/")
        #expect(try await client.send(call).body == Array("secure".utf8))
        call.url = try HTTPAddress("https://other.test:\(server.port)/")
        let wrongName = await #expect(throws: HTTPFailure.self) { try await client.send(call) }
        #expect(wrongName?.reason == .tls)
        call.url = try HTTPAddress("https://hook.test:\(server.port)/")
        let untrusted = await #expect(throws: HTTPFailure.self) {
            try await GuardedHTTPClient(resolver: resolver).send(call)
        }
        #expect(untrusted?.reason == .tls)
        await server.stop()
    }

    @Test func callsThatMayArriveTwiceShareAConnection() async throws {
        let server = try await ScriptedServer.start { _ in .keep }
        // However slow this machine is, the connection is not given up meanwhile.
        let client = GuardedHTTPClient(idleTime: .seconds(3600))
        var call = try call(server, body: "{}")
        call.mayArriveTwice = true
        for _ in 0..<3 { #expect(try await client.send(call).status == 200) }
        #expect(server.connections == 1)
        #expect(server.requests.map(\.body) == ["{}", "{}", "{}"])
        // By other rules nothing was checked yet.
        var strict = call
        strict.rules.allowed = []
        await #expect(throws: HTTPFailure.self) { try await client.send(strict) }
        // Any other call has one of its own.
        call.mayArriveTwice = false
        _ = try await client.send(call)
        #expect(server.connections == 2)
        #expect(
            server.requests.map { $0[header: "connection"] } == Array(repeating: "keep-alive", count: 3) + ["close"])
        await server.stop()
    }

    /// The server may have had enough of the connection at the very moment at which the call goes out.
    @Test func keptConnectionThatBreaksIsNoFailure() async throws {
        let count = Mutex(0)
        let server = try await ScriptedServer.start { _ in
            count.withLock { count in
                count += 1
                return count == 2 ? .close : .keep
            }
        }
        // However slow this machine is, the connection is not given up meanwhile.
        let client = GuardedHTTPClient(idleTime: .seconds(3600))
        var call = try call(server)
        call.mayArriveTwice = true
        for _ in 0..<2 { #expect(try await client.send(call).status == 200) }
        #expect(server.requests.count == 3)
        #expect(server.connections == 2)
        await server.stop()
    }

    @Test func serverThatClosesAfterEachAnswerIsNoFailure() async throws {
        let server = try await ScriptedServer.start { _ in .answer() }
        let client = GuardedHTTPClient()
        var call = try call(server)
        call.mayArriveTwice = true
        for _ in 0..<20 { #expect(try await client.send(call).status == 200) }
        await server.stop()
    }

    @Test func idleConnectionIsClosed() async throws {
        let server = try await ScriptedServer.start { _ in .keep }
        let client = GuardedHTTPClient(idleTime: .milliseconds(1))
        var call = try call(server)
        call.mayArriveTwice = true
        _ = try await client.send(call)
        while server.closedConnections < 1 { await Task.yield() }
        #expect(try await client.send(call).status == 200)
        #expect(server.connections == 2)
        await server.stop()
    }

    private func call(_ server: ScriptedServer, _ target: String = "/", body: String = "") throws -> HTTPCall {
        HTTPCall(
            url: try HTTPAddress("http://127.0.0.1:\(server.port)\(target)"), body: Array(body.utf8),
            // Only who is to run out of time does, however busy the machine is.
            timeout: .seconds(60),
            rules: AddressRules(allowed: [try #require(IPNetwork("127.0.0.0/8"))], ports: [server.port]))
    }
}

/// Answers each look-up with the next list, and with the last one from then on.
private final class ScriptedResolver: NameResolver {
    private let answers: [[String]]
    private let count = Mutex(0)

    init(_ answers: [[String]]) throws { self.answers = answers }

    var lookUps: Int { count.withLock(\.self) }

    func addresses(of host: String, port: Int, on eventLoop: any EventLoop) -> EventLoopFuture<[SocketAddress]> {
        let index = count.withLock { count in
            count += 1
            return count - 1
        }
        return eventLoop.makeCompletedFuture {
            try answers[min(index, answers.count - 1)].map { try SocketAddress(ipAddress: $0, port: port) }
        }
    }
}

private struct HangingResolver: NameResolver {
    func addresses(of host: String, port: Int, on eventLoop: any EventLoop) -> EventLoopFuture<[SocketAddress]> {
        // Later than any test runs.
        eventLoop.scheduleTask(in: .hours(1)) { [] }.futureResult
    }
}
