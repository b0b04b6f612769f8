import Foundation
public import Logging
package import WebSocketTransport

extension FakeGateway {
    /// The protocol that a gateway speaks; it speaks exactly one.
    public enum ProtocolVersion: Int, Sendable, Hashable, CaseIterable {
        /// Cumulative snapshots only, one counter for all connections.
        case v3 = 3
        /// Snapshots and increments, a counter for each connection, scopes on events.
        case v4 = 4
    }

    /// An agent in `agents.list`.
    public struct Agent: Sendable, Hashable {
        /// `^[a-z0-9][a-z0-9_-]{0,63}$`
        public var id: String
        public var name: String?

        public init(id: String, name: String? = nil) {
            self.id = id
            self.name = name
        }
    }

    /// A model in `models.list`. Its full name is `provider/id`.
    public struct Model: Sendable, Hashable {
        public var id: String
        public var name: String
        public var provider: String
        /// In tokens.
        public var contextWindow: Int

        public init(id: String, name: String, provider: String, contextWindow: Int = 128_000) {
            self.id = id
            self.name = name
            self.provider = provider
            self.contextWindow = contextWindow
        }
    }

    /// The largest attachments that the gateway takes, in bytes.
    public struct AttachmentLimits: Sendable, Hashable {
        public var maxBytes: Int
        public var maxImageBytes: Int

        public init(maxBytes: Int, maxImageBytes: Int) {
            self.maxBytes = maxBytes
            self.maxImageBytes = maxImageBytes
        }
    }

    /// How a fake gateway behaves. The defaults suit most tests: protocol 4, no secret, one agent, an echo.
    public struct Options: Sendable {
        public var protocolVersion = ProtocolVersion.v4
        /// The shared token; nil together with `password`: no secret is asked for.
        public var token: String?
        public var password: String?
        /// Without a device a connection gets no permissions at all, as OpenClaw does for anybody but a backend on the
        /// same machine. False: it keeps the scopes that it asked for.
        public var requiresDevice = true
        /// The administrator must approve each device, as for every one that connects from another machine; see
        /// ``FakeGateway/approve(_:)``. False: devices are approved silently, as on the gateway's own machine.
        public var requiresApproval = false
        /// Members of `connect` that this gateway, being older, does not know: `instanceId`, `userAgent` and so on.
        public var unknownConnectMembers: Set<String> = []
        /// The first gateways with protocol 3 know the signature payload v2 only.
        public var verifiesOldSignaturesOnly = false
        /// A new device token with every hello.
        public var rotatesDeviceTokens = false

        /// The first one is the default agent.
        public var agents = [Agent(id: "main")]
        /// The first one is the default model.
        public var models = [Model(id: "echo-1", name: "Echo 1", provider: "fake")]
        public var mainKey = "main"
        /// All main sessions are one session, called `global`.
        public var hasGlobalScope = false
        /// A `chat.send` with the text of a run of the same session that is under way joins that run, as the first
        /// gateways with protocol 4 do.
        public var joinsEqualMessages = false
        /// False: like the first gateways with protocol 3 it knows no `sessions.subscribe`, and tells nobody what users write.
        public var offersSubscriptions = true
        public var serverVersion = "fake"
        /// The certificate that clients see; nil: no TLS.
        package var tls: ServerTLS?

        /// The largest frame that the gateway takes, in bytes.
        public var maxPayload = 26_214_400
        /// The most bytes that may wait for a slow reader before it is closed with 1008.
        public var maxBufferedBytes = 52_428_800
        /// In `hello-ok.policy.attachments`, as later gateways have it; nil: they say nothing.
        public var attachmentLimits: AttachmentLimits?
        /// Ticks come from the event loop's own timer; see also ``FakeGateway/tick()``.
        public var tickInterval = Duration.seconds(30)

        /// What answers a chat message.
        public var reply: any FakeReply = EchoReply()
        public var faults: [Fault] = []
        /// The gateway's clock, in milliseconds since 1970.
        public var now: @Sendable () -> Int64 = Options.systemTime
        /// How ``ReplyStep/wait(_:)`` waits. A test that needs no time returns at once.
        public var sleep: @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
        public var logger = Logger(label: "sluice.fake-gateway")

        public init() {}

        /// A gateway to try the server with: it answers like a helpful assistant, at reading speed.
        public static var demo: Options {
            var options = Options()
            options.agents = [Agent(id: "demo", name: "Demo assistant")]
            options.models = [Model(id: "scripted", name: "Scripted answers", provider: "demo")]
            options.serverVersion = "demo"
            options.reply = DemoReplies()
            return options
        }

        private static let systemTime: @Sendable () -> Int64 = {
            let time = Date.now.timeIntervalSince1970
            return Int64(time * 1000)
        }
    }
}
