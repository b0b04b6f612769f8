import Logging
import MiddlewareKit
import Testing

struct MessageContextTests {
    private enum Colour: ContextKey { typealias Value = String }

    /// Copies share what they hold until one of them changes.
    @Test func aChangedCopyLeavesTheOriginalAlone() {
        let original = MessageContext(
            id: "m", connection: ConnectionInfo(id: "c", remoteAddress: "192.0.2.1"), credential: Credential("key"),
            generation: 7, logger: Logger(label: "test") { StreamLogHandler.standardError(label: $0) })
        var copy = original
        copy.principal = Principal(user: "ada")
        copy.credential = nil
        copy.model = "large"
        copy.rewriteKept = { _ in "hidden" }
        copy[Colour.self] = "red"
        copy.note("odd", as: "mood")
        copy.keptRole = .user
        copy.isShadow = true

        #expect(copy.principal?.user == "ada" && copy.credential == nil && copy.model == "large")
        #expect(copy.kept("text") == "hidden" && copy[Colour.self] == "red" && copy.notes == ["mood": "odd"])
        #expect(copy.logger[metadataKey: "note.mood"] == "odd" && copy.keptRole == .user && copy.isShadow)
        #expect(copy.id == "m" && copy.generation == 7 && copy.connection == original.connection)

        #expect(original.principal == nil && original.credential?.secret == "key" && original.model == nil)
        #expect(original.kept("text") == "text" && original[Colour.self] == nil && original.notes.isEmpty)
        #expect(original.logger[metadataKey: "note.mood"] == nil && original.keptRole == nil && !original.isShadow)
    }
}
