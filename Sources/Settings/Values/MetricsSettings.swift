package import MiddlewareKit

/// `metrics:` of the configuration file.
package struct MetricsSettings: OptionGroup {
    package var withoutKey = false

    package init() {}

    package static let options: [Option<Self>] = [
        Option(
            "without-key", \.withoutKey,
            help: "Whether `/metrics` may be read without an access key while the auth stage asks for one.")
    ]
}
