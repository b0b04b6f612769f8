import AsyncHTTPClient
import JSON
package import MiddlewareKit
package import NIOCore
import NIOHTTP1
package import NIOPosix
import NIOSSL
import TLSWords

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Posts to a collector over HTTP.
package struct OTLPClient: Sendable {
    private let client: HTTPClient
    private let url: String
    private let headers: [String: Secret]

    /// - Parameter group: Has threads of its own: exports must not hold up chats.
    package init(url: String, headers: [String: Secret], group: MultiThreadedEventLoopGroup) {
        self.url = url
        self.headers = headers
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout = .init(connect: .seconds(5), read: .seconds(10))
        client = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration)
    }

    package func post(_ body: ByteBuffer) async -> OTLPExporter.Outcome {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        for (name, value) in headers { request.headers.replaceOrAdd(name: name, value: value.revealed) }
        request.headers.replaceOrAdd(name: "Content-Type", value: "application/json")
        request.body = .bytes(body)
        do {
            let response = try await client.execute(request, timeout: .seconds(10))
            // Read to its end, so that the connection can be used again.
            let body = try? await response.body.collect(upTo: 64 << 10)
            switch response.status.code {
            case 200..<300: return body.flatMap(Self.partialSuccess) ?? .accepted
            // What the OTLP specification says may be tried again.
            case 429, 502, 503, 504: return .busy("it answered \(response.status.code)")
            default: return .refused("it answered \(response.status.code)")
            }
        } catch {
            return .busy(Self.words(for: error))
        }
    }

    /// What a collector says that did not take all spans (opentelemetry.io, "OTLP Specification", Partial Success); nil: it took all.
    private static func partialSuccess(_ body: ByteBuffer) -> OTLPExporter.Outcome? {
        guard let said = (try? JSONValue(parsing: body))?["partialSuccess"], let told = said["rejectedSpans"],
            let count = told.int ?? told.string.flatMap({ Int($0) }), count > 0
        else { return nil }
        // It goes into the log: one line, not too long.
        let words = (said["errorMessage"]?.string ?? "").unicodeScalars.prefix(200)
            .map { $0.properties.generalCategory == .control ? " " : Character($0) }
        return .partlyRefused(count, words.isEmpty ? "it does not say why" : String(words))
    }

    /// What the network library threw, in plain words that stand behind "the trace collector cannot be reached: ".
    private static func words(for error: any Error) -> String {
        switch error {
        case let error as HTTPClientError:
            switch error {
            case .remoteConnectionClosed: "it closed the connection before it answered"
            case .connectTimeout, .readTimeout, .writeTimeout, .deadlineExceeded: "it did not answer in time"
            default: "HTTP with it failed: \(error.shortDescription)"
            }
        case is CancellationError: "the server stops"
        case let error as IOError: String(cString: strerror(error.errnoCode)).lowercased()
        case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError:
            "TLS failed: \(TLSWords.describe(error, withoutTLS: "http://"))"
        case is NIOConnectionError: "nobody takes connections at its address"
        default: "the connection failed"
        }
    }

    package func shutdown() async throws { try await client.shutdown() }
}
