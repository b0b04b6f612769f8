extension Schema {
    /// The agent of a session that was deleted here remembers what was said: its key stays its owner's.
    static let formerOwners = "ALTER TABLE deleted_sessions ADD COLUMN owner TEXT;"
}
