/// Numbers that a stage keeps over restarts, each with a time after which it is forgotten. Safe to call from anywhere.
public protocol StageStateStore: Sendable {
    /// Adds to a number, which begins at 0, and returns what it is then. One step: calls at the same time add up.
    /// - Throws: ``StorageFailure``; nothing was added then.
    func add(_ amount: Int64, to counter: StageCounter, expires: Timestamp) async throws -> Int64

    /// The number; 0 when there is none, or when it is forgotten.
    /// - Throws: ``StorageFailure``.
    func value(of counter: StageCounter) async throws -> Int64
}

/// Names a number of a stage.
public struct StageCounter: Sendable, Hashable {
    /// The stage instance.
    public let stage: String
    /// The stage's own name for it.
    public let key: String

    public init(stage: String, key: String) {
        self.stage = stage
        self.key = key
    }
}
