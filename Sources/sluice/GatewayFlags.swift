import ArgumentParser
import BrowserEndpoint
import Foundation
import JSON
import MiddlewareKit
import OpenClaw
import Settings

/// The options of a gateway that stands in no file. The words are those of an entry of `gateways:`.
struct GatewayFlags: ParsableArguments {
    @ArgumentParser.Option(
        help: ArgumentHelp("A PEM file with the certificates to trust instead of the system's.", valueName: "file"))
    var ca: String?
    @ArgumentParser.Option(
        help: ArgumentHelp("The SHA-256 fingerprint of the gateway's certificate.", valueName: "fingerprint"))
    var pin: String?
    @ArgumentParser.Option(
        help: ArgumentHelp("The name to ask for and to expect in the certificate.", valueName: "name"))
    var serverName: String?
    @ArgumentParser.Option(
        help: ArgumentHelp(
            "Options as in config.yaml, as JSON: '{\"approvals\": \"owners\", \"queue-time\": \"10m\"}'.",
            valueName: "json"))
    var options: String?

    /// What was given, with the path of the file as the server sees it.
    func read() throws -> JSONObject {
        var object: JSONObject = [:]
        if let options {
            guard let given = try? JSONValue(parsing: options).object else {
                throw ValidationError("`--options` must be a JSON object, such as '{\"approvals\": \"owners\"}'.")
            }
            object = given
        }
        var tls: JSONObject = [:]
        tls["ca-file"] = ca.map { .string(URL(filePath: $0).standardizedFileURL.path(percentEncoded: false)) }
        tls["pin"] = pin.map { .string($0) }
        tls["server-name"] = serverName.map { .string($0) }
        return tls.count == 0 ? object : object.merged(with: ["tls": .object(tls)])
    }

    /// The same for a gateway that has options of its own.
    func change(_ gateway: inout GatewayConfiguration) throws {
        let given = try read()
        guard given.count > 0 else { return }
        if options != nil {
            throw ValidationError("`--options` is for an address; \(gateway.id) has options of its own.")
        }
        gateway.use(try Self.settings(gateway.id, gateway.name, gateway.url, given).tls)
    }

    static func settings(
        _ id: String, _ name: String, _ url: String, _ options: JSONObject
    ) throws -> GatewaySettings {
        do {
            return try GatewaySettings(id: id, name: name, url: url, options: options)
        } catch {
            throw ValidationError("The options of the gateway are not right: \(error.description).")
        }
    }
}
