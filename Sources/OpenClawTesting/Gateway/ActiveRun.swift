/// A run that has not ended.
struct ActiveRun {
    /// Who may abort it (OpenClaw protocol: the connection or device that started it).
    struct Owner: Equatable {
        let connection: Int
        let deviceID: String?
    }

    let prompt: FakePrompt
    /// The session key as the client spelled it.
    let rawKey: String
    /// nil: no client of this gateway started it.
    let owner: Owner?
    /// The gateway's own answer to a command: only a final, no agent events.
    let isCommand: Bool
    var text = ""
    var thinking = ""
    /// Counts the events of this run.
    var seq = 0
}
