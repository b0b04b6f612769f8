import Hummingbird
import MiddlewareKit
import NIOCore

/// What `/metrics` answers with, and to whom.
package struct MetricsPage: Sendable {
    /// Whether a caller needs no key.
    let isOpen: Bool
    /// Prometheus' text format.
    let text: @Sendable () -> String

    package init(isOpen: Bool, text: @escaping @Sendable () -> String) {
        self.isOpen = isOpen
        self.text = text
    }
}

extension Routes {
    func addMetrics(_ page: MetricsPage, to router: Router<CallContext>) {
        let hub = hub
        router.get("metrics") { request, call in
            if !page.isOpen {
                let context = await hub.context(of: request, call)
                try await hub.call(.connect, gateway: "", context: context) { _ in }
            }
            await hub.sampleMetrics()
            return Response(
                status: .ok,
                headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8", .cacheControl: "no-store"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: page.text())))
        }
    }
}
