package import MiddlewareKit

/// `traces:` of the configuration file.
package struct TracesSettings: OptionGroup {
    /// Nil: nothing is traced.
    package var endpoint: String?
    package var headers: [String: Secret] = [:]
    package var serviceName = "sluice"
    package var share = 1.0

    package init() {}

    package static let options: [Option<Self>] = [
        Option(
            "endpoint", \.endpoint,
            help: "Where an OpenTelemetry collector takes traces over HTTP; nothing is traced when left out.",
            example: "\"http://127.0.0.1:4318/v1/traces\"",
            check: { $0.flatMap(endpointProblem) }),
        Option(
            "headers", \.headers, help: "Headers that the collector wants, such as a key.",
            example: "{ Authorization: \"Bearer ${TRACES_KEY}\" }", check: CallHeaders.problem),
        Option("service-name", \.serviceName, help: "What the server is called in traces."),
        Option("share", \.share, help: "The share of messages that are traced.", range: 0...1),
    ]

    /// What was probably meant, when the endpoint has no path; else nil.
    var endpointWithPath: String? {
        guard let endpoint, (try? HTTPAddress(endpoint))?.target == "/" else { return nil }
        return endpoint + (endpoint.hasSuffix("/") ? "v1/traces" : "/v1/traces")
    }

    private static func endpointProblem(_ text: String) -> String? {
        do throws(HTTPAddress.Problem) {
            _ = try HTTPAddress(text)
            return nil
        } catch {
            return text.contains("@")
                ? "must not hold a user or a password; give `headers` beside it"
                : "\(error.words); it looks like http://127.0.0.1:4318/v1/traces"
        }
    }
}
