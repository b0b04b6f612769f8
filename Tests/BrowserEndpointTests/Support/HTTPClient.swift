import JSON
import NIOCore
import NIOPosix

/// An answer of the server to one HTTP request.
struct HTTPAnswer: Sendable {
    let status: Int
    /// Names in lowercase.
    let headers: [String: String]
    let body: ByteBuffer

    var text: String { String(buffer: body) }
    /// Null when the body is no JSON.
    var json: JSONValue { (try? JSONValue(parsing: body)) ?? .null }
    /// The `code` of an error that has the shape that all errors have.
    var errorCode: String? {
        guard let message = json["error"]?["message"]?.string, json["detail"]?.string == message else { return nil }
        return json["error"]?["code"]?.string
    }
}

extension Rig {
    /// One request on a connection of its own. The target is sent as it is.
    func http(
        _ method: String, _ target: String, headers: [(String, String)] = [], body: String = ""
    ) async throws -> HTTPAnswer {
        var fields = ""
        if !headers.contains(where: { $0.0 == "Host" }) { fields += "Host: 127.0.0.1:\(port)\r\n" }
        for (name, value) in headers { fields += "\(name): \(value)\r\n" }
        let request =
            "\(method) \(target) HTTP/1.1\r\n\(fields)Connection: close\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
            + body
        return try HTTPAnswer(try await exchange(request))
    }

    /// Sends bytes, and returns what came back until the server closed the connection.
    func exchange(_ request: String) async throws -> ByteBuffer {
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let answer = eventLoop.makePromise(of: ByteBuffer.self)
        let channel = try await ClientBootstrap(group: eventLoop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Collector(answer))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        channel.writeAndFlush(ByteBuffer(string: request), promise: nil)
        return try await answer.futureResult.get()
    }
}

private final class Collector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let answer: EventLoopPromise<ByteBuffer>
    private var bytes = ByteBuffer()

    init(_ answer: EventLoopPromise<ByteBuffer>) { self.answer = answer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var piece = unwrapInboundIn(data)
        bytes.writeBuffer(&piece)
    }

    func channelInactive(context: ChannelHandlerContext) { answer.succeed(bytes) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

extension HTTPAnswer {
    struct Malformed: Error {}

    /// Takes answers apart that have a `Content-Length` or no body.
    init(_ bytes: ByteBuffer) throws {
        let text = String(buffer: bytes)
        guard let end = text.utf8.firstRange(of: "\r\n\r\n".utf8) else { throw Malformed() }
        let lines = text[..<end.lowerBound].split(separator: "\r\n")
        let words = lines.first?.split(separator: " ") ?? []
        guard words.count >= 2, let status = Int(words[1]) else { throw Malformed() }
        self.status = status
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { throw Malformed() }
            headers[parts[0].lowercased()] = String(parts[1].drop { $0 == " " })
        }
        self.headers = headers
        body = ByteBuffer(string: String(text[end.upperBound...]))
    }
}
