import Foundation
import HTTPTypes
package import Hummingbird
import Logging
import MiddlewareKit
package import NIOCore

/// What a route knows of its call beside the request.
package struct CallContext: RequestContext, RemoteAddressRequestContext {
    package var coreContext: CoreRequestContextStorage
    package let remoteAddress: SocketAddress?
    private let channel: any Channel

    package init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        remoteAddress = source.channel.remoteAddress
        channel = source.channel
    }

    /// Runs `action` when the caller has closed the connection, or the half of it that it sends on. For an answer that takes
    /// its time.
    func onClose(_ action: @escaping @Sendable () -> Void) {
        channel.eventLoop.execute { [channel] in
            try? channel.pipeline.syncOperations.addHandler(CloseWatch(action), position: .first)
        }
    }
}

/// Tells when the other side has closed a connection.
private final class CloseWatch: ChannelInboundHandler {
    typealias InboundIn = NIOAny

    private let action: @Sendable () -> Void

    init(_ action: @escaping @Sendable () -> Void) { self.action = action }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed? = event as? ChannelEvent { action() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        action()
        context.fireChannelInactive()
    }
}

extension CallContext {
    /// A path parameter with its percent-encoding undone.
    func parameter(_ name: String) throws -> String {
        guard let text = parameters.get(name)?.removingPercentEncoding, !text.isEmpty else {
            throw Rejection(code: "bad_request", message: "The path holds a percent-encoding that is not UTF-8.")
        }
        guard text.count <= FrameLimits.sessionKeyCharacters, !text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F })
        else {
            throw Rejection(
                code: "bad_request", message: "“\(name)” in the path is too long or holds control characters.")
        }
        return text
    }
}

extension BrowserHub {
    /// The message context of an HTTP call: its key is in `Authorization: Bearer`.
    nonisolated func context(of request: Request, _ call: CallContext) async -> MessageContext {
        let client = proxies.client(
            peer: call.remoteAddress?.ipAddress ?? "",
            forwardedFor: request.headers[values: HTTPField.Name("X-Forwarded-For")!])
        let info = ConnectionInfo(id: RandomID.make(), remoteAddress: client)
        return await makeContext(info, credential: Credential(bearer: request.headers[.authorization]), principal: nil)
    }
}

extension Credential {
    /// The token of an `Authorization: Bearer` header; nil when there is none.
    init?(bearer header: String?) {
        guard let header, header.count <= 4200 else { return nil }
        let words = header.split(separator: " ", maxSplits: 1)
        guard words.count == 2, words[0].lowercased() == "bearer" else { return nil }
        self.init(words[1].trimmingPrefix { $0 == " " }.description)
    }
}
