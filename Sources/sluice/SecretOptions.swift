import ArgumentParser
import Foundation
import MiddlewareKit
import OpenClaw

/// Where a gateway's secret comes from. Never from the command itself: other users of the machine can read that.
struct SecretOptions: ParsableArguments {
    @ArgumentParser.Option(help: ArgumentHelp("Read the token from this environment variable.", valueName: "name"))
    var tokenEnv: String?
    @Flag(help: "Read the token from the first line of standard input.")
    var tokenStdin = false
    @Flag(help: "What is read is the gateway's password, not its token.")
    var asPassword = false

    /// - Parameter asks: Ask for it at the terminal when no option says where it is.
    /// - Returns: nil: there is none.
    func read(asks: Bool) throws -> String? {
        var text: String?
        if let tokenEnv {
            text = ProcessInfo.processInfo.environment[tokenEnv]
            guard text?.isEmpty == false else {
                throw ValidationError("The environment variable \(tokenEnv) is not set.")
            }
        } else if tokenStdin {
            text = readLine()
        } else if asks, isatty(STDIN_FILENO) == 1 {
            // Reads without showing what is typed. The text is copied out of its buffer at once.
            text = getpass("The gateway's \(asPassword ? "password" : "token") (empty: none): ").map {
                String(cString: $0)
            }
        }
        let trimmed = text?.trimmingCharacters(in: .whitespacesAndNewlines) ?? ""
        return trimmed.isEmpty ? nil : trimmed
    }

    func set(_ text: String, in gateway: inout GatewayConfiguration) {
        if asPassword { gateway.password = Secret(text) } else { gateway.token = Secret(text) }
    }
}
