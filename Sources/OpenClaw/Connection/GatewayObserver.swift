/// Gets what happens on all gateways. All calls come on the event loop of the gateways, in the order of the frames.
package protocol GatewayObserver: AnyObject, Sendable {
    func gateway(_ id: String, didChange status: GatewayStatus)
    func gateway(_ id: String, didUpdate metadata: GatewayMetadata)
    /// At most one terminal event a run. After it the run's `owner` is let go of.
    func gateway(_ id: String, run: GatewayRun, didReceive event: ChatEvent)
    /// The end of a read burst: time to flush what was written to browsers.
    func gatewayDidReadBurst(_ id: String)
}
