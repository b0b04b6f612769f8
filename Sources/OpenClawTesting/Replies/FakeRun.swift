/// A run of a fake gateway, in the hands of a test.
///
/// Each function returns when the events of the step were handed to all connections. After the end of the run they do
/// nothing.
public struct FakeRun: Sendable {
    public let prompt: FakePrompt
    private let gateway: FakeGateway

    init(prompt: FakePrompt, gateway: FakeGateway) {
        self.prompt = prompt
        self.gateway = gateway
    }

    public var id: String { prompt.runID }

    public func delta(_ text: String) async { await gateway.perform(.delta(text), run: id) }
    public func replace(_ text: String) async { await gateway.perform(.replace(text), run: id) }
    public func thinking(_ text: String) async { await gateway.perform(.thinking(text), run: id) }
    /// - Parameter text: nil: what was streamed, trimmed.
    public func final(_ text: String? = nil) async { await gateway.perform(.final(text), run: id) }
    public func silent() async { await gateway.perform(.silent, run: id) }
    public func error(_ message: String) async { await gateway.perform(.error(message), run: id) }
    /// Ends the run as `chat.abort` does.
    public func abort() async { await gateway.abort(run: id, stopReason: "rpc") }
}
