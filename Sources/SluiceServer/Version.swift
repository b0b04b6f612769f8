package enum Version {
    /// The release, as `sluice version` and the gateways are told.
    package static let current = "0.1.0"
}
