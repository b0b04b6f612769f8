import BrowserEndpoint
import NIOCore
import NIOPosix
import Settings

/// Looks for gateways in the private networks that config.yaml names.
struct NetworkScanner: GatewayScanner {
    private let addresses: [String]
    private let port: Int
    private let group: any EventLoopGroup

    init(settings: ScanSettings, group: any EventLoopGroup) {
        addresses = settings.networks.flatMap(\.addresses)
        port = settings.port
        self.group = group
    }

    func scan() async throws -> [String] {
        let (port, group) = (port, group)
        return await withTaskGroup(of: String?.self) { tasks in
            var rest = addresses.makeIterator()
            // Few enough at a time to be a polite neighbour.
            for address in (0..<32).compactMap({ _ in rest.next() }) {
                tasks.addTask { await Self.probe(address, port, group) }
            }
            var found: [String] = []
            for await result in tasks {
                if let result { found.append(result) }
                if let address = rest.next() { tasks.addTask { await Self.probe(address, port, group) } }
            }
            return found.sorted()
        }
    }

    /// The URL, if something accepts connections there.
    private static func probe(_ address: String, _ port: Int, _ group: any EventLoopGroup) async -> String? {
        let bootstrap = ClientBootstrap(group: group).connectTimeout(.milliseconds(400))
        guard let channel = try? await bootstrap.connect(host: address, port: port).get() else { return nil }
        try? await channel.close()
        return "ws://\(address):\(port)"
    }
}
