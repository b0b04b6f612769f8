import JSON
import NIOCore
import OpenClawTesting
import Testing

@testable import BrowserEndpoint

/// HTTP requests that come late, broken, or with the wrong method.
@Suite(.timeLimit(.minutes(1))) struct RequestTests {
    /// Sends the bytes as they are, and leaves the connection open until the server closes it.
    private func answer(to request: String, _ options: Rig.Options = .init()) async throws -> HTTPAnswer {
        var answer: HTTPAnswer?
        try await Rig.run(options) { rig in
            answer = try HTTPAnswer(
                try await rig.exchange(request.replacing("HOST", with: "Host: 127.0.0.1:\(rig.port)")))
        }
        return try #require(answer)
    }

    private static var impatient: Rig.Options {
        var options = Rig.Options()
        options.requestTimeout = .milliseconds(10)
        return options
    }

    @Test(arguments: ["Content-Length: 10\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"])
    func aBodyThatStopsHalfWayIsNotWaitedForForEver(body: String) async throws {
        let answer = try await answer(to: "POST /api/gateways HTTP/1.1\r\nHOST\r\n\(body)", Self.impatient)
        #expect(answer.status == 408)
        #expect(answer.errorCode == "request_timeout")
        #expect(answer.headers["connection"] == "close")
    }

    /// Nobody reads the body.
    @Test func anAnswerDoesNotKeepTheConnectionOfAHalfRequest() async throws {
        let answer = try await answer(
            to: "GET /healthz HTTP/1.1\r\nHOST\r\nContent-Length: 10\r\n\r\n{", Self.impatient)
        #expect(answer.status == 200)
    }

    @Test func webSocketsAreNoRequests() async throws {
        try await Rig.run(Self.impatient) { rig in
            let browser = try await rig.browser()
            // The server ends this one first.
            _ = try await rig.exchange(
                "POST /api/gateways HTTP/1.1\r\nHost: 127.0.0.1:\(rig.port)\r\nContent-Length: 10\r\n\r\n{")
            browser.chat("Hello")
            await (try await rig.gateway.nextRun()).final("Hi")
            #expect(try await browser.turn("r").text == "Hi")
        }
    }

    @Test func aChunkWithoutASizeIsABadRequest() async throws {
        let answer = try await answer(
            to: "POST /api/gateways HTTP/1.1\r\nHOST\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n")
        #expect(answer.status == 400)
    }

    @Test(arguments: [
        ("GARBAGE\r\n\r\n", 400, "bad_request"),
        ("GET /healthz HTTP/1.1\r\nHOST\r\nX: \(String(repeating: "x", count: 100_000))\r\n\r\n", 431, "too_large"),
        ("GET /healthz HTTP/1.1\r\n\r\n", 400, "bad_request"),
        ("GET /healthz HTTP/1.1\r\nHOST\r\nHOST\r\n\r\n", 400, "bad_request"),
        ("POST /api/gateways HTTP/1.1\r\nHOST\r\nExpect: wonders\r\nContent-Length: 2\r\n\r\n{}", 417, "bad_request"),
        ("POST /api/gateways HTTP/1.1\r\nHOST\r\nContent-Length: 65537\r\n\r\n", 413, "too_large"),
        ("GET /healthz HTTP/1.1\r\nHOST\r\nContent-Length: 99999999999\r\n\r\n", 413, "too_large"),
        ("POST /api/gateways HTTP/1.1\r\nHOST\r\nContent-Length: -3\r\n\r\n", 400, "bad_request"),
    ]) func whatNobodyNeedsToLookIntoIsRefusedAtOnce(request: String, status: Int, code: String) async throws {
        let answer = try await answer(to: request)
        #expect(answer.status == status)
        #expect(answer.errorCode == code)
        #expect(answer.headers["connection"] == "close")
    }

    @Test(arguments: ["GET /healthz HTTP/1.1\r\n\r\n", "GARBAGE\r\n\r\n"])
    func aRefusalComesAfterTheAnswersBeforeIt(second: String) async throws {
        try await Rig.run { rig in
            let bytes = try await rig.exchange(
                "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:\(rig.port)\r\n\r\n\(second)")
            let answers = String(buffer: bytes).matches(of: /HTTP\/1\.1 (\d{3})/).map(\.1)
            #expect(answers == ["200", "400"])
            #expect(String(buffer: bytes).contains("bad_request"))
        }
    }

    @Test func aClientThatAsksWhetherItMaySendItsBodyIsToldSo() async throws {
        try await Rig.run { rig in
            let bytes = try await rig.exchange(
                """
                POST /api/gateways HTTP/1.1\r\nHost: 127.0.0.1:\(rig.port)\r\nExpect: 100-continue\r\n\
                Connection: close\r\nContent-Length: 2\r\n\r\n[]
                """)
            #expect(String(buffer: bytes).hasPrefix("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 400 Bad Request\r\n"))
        }
    }

    @Test(arguments: ["/healthz", "/openapi.json"])
    func anAnswerToAnOldClientEndsWithItsConnection(path: String) async throws {
        let answer = try await answer(to: "GET \(path) HTTP/1.0\r\n\r\n")
        #expect(answer.status == 200)
        #expect(answer.headers["connection"] == "close")
        #expect(answer.headers["transfer-encoding"] == nil)
    }

    @Test(arguments: [
        ("PUT", "/healthz", "GET, HEAD"), ("DELETE", "/api/gateways", "GET, HEAD, POST"),
        ("POST", "/api/gateways/home", "DELETE, PATCH"),
    ]) func theMethodsThatAnAddressTakesAreTold(method: String, path: String, allowed: String) async throws {
        try await Rig.run { rig in
            let answer = try await rig.http(method, path)
            #expect(answer.status == 405)
            #expect(answer.errorCode == "method_not_allowed")
            #expect(answer.headers["allow"] == allowed)
            #expect(try await rig.http(method, path + "/nowhere/at/all").status == 404)
        }
    }

    @Test func aNumberThatIsTooLargeIsCalledThat() async throws {
        try await Rig.run { rig in
            let browser = try await rig.browser()
            browser.send(text: #"{"type":"ping","id":12345678901234567890123}"#)
            let error = try await browser.next(type: "error")
            #expect(error["message"]?.string?.contains("does not fit into 64 bits") == true)
        }
    }
}
