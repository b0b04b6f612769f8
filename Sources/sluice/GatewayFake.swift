import ArgumentParser
import OpenClawTesting
import UnixSignals

struct GatewayFake: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fake",
        abstract: "Play a gateway, for trying out clients of any kind.",
        discussion: """
            A gateway without a model: it answers by scripts, at reading speed, and takes what it knows as strictly as a real \
            one. It listens on this machine only, until it is stopped with Ctrl-C.

            Faults: \(FakeGateway.Fault.words.joined(separator: ", ")).
            Kinds of interrupt: \(FakeGateway.Fault.interruptionWords.joined(separator: ", ")).
            See docs/testing-against-openclaw.md.
            """)

    @ArgumentParser.Option(help: "The port; 0 takes a free one.")
    var port = 18789
    @ArgumentParser.Option(help: "Ask for this token. It is no secret: others on this machine can read the command.")
    var token: String?
    @ArgumentParser.Option(name: .customLong("protocol"), help: "The protocol version, 3 or 4.")
    var version = 4
    @Flag(help: "Every device must be approved: each is, by the next attempt.")
    var pairing = false
    @Flag(help: "Answer with the message itself, at once.")
    var echo = false
    @ArgumentParser.Option(help: ArgumentHelp("What goes wrong; may be given more than once.", valueName: "fault"))
    var fault: [String] = []

    func validate() throws {
        guard (0...65535).contains(port) else { throw ValidationError("`--port` must be 0 to 65535.") }
        guard FakeGateway.ProtocolVersion(rawValue: version) != nil else {
            throw ValidationError("`--protocol` must be 3 or 4.")
        }
        for word in fault where FakeGateway.Fault(word) == nil {
            throw ValidationError(
                "There is no fault “\(word)”. Known are: \(FakeGateway.Fault.words.joined(separator: ", ")).")
        }
    }

    func run() async throws {
        var options = FakeGateway.Options.demo
        options.protocolVersion = FakeGateway.ProtocolVersion(rawValue: version) ?? .v4
        options.token = token
        options.requiresApproval = pairing
        if echo { options.reply = EchoReply() }
        options.faults = fault.compactMap { FakeGateway.Fault($0) }
        let gateway = FakeGateway(options: options)
        do {
            try await gateway.start(port: port)
        } catch {
            Output.error(
                "sluice: port \(port) of 127.0.0.1 cannot be listened on. Give another --port; 0 takes a free one.")
            throw ExitCode(Exit.failure)
        }
        Output.line("A fake gateway listens at \(await gateway.url)")
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            // One of two, of which the first to end ends the command: until somebody stops it.
            tasks.addTask { for await _ in await UnixSignalsSequence(trapping: [.sigint, .sigterm]) { return } }
            // The other: until nobody can be told any more.
            tasks.addTask { try await tell(gateway) }
            try await tasks.next()
            tasks.cancelAll()
        }
        await gateway.stop()
    }

    /// One line for each request. Devices that wait are approved after their request was seen.
    private func tell(_ gateway: FakeGateway) async throws {
        while true {
            let request = try await gateway.nextRequest()
            Output.line("\(request.connection): \(request.method)")
            for waiting in await gateway.pairingRequests { await gateway.approve(waiting.id) }
        }
    }
}
