extension Schema {
    /// A row of the outbox whose `message_id` is set lacks the text of that message, which belongs at `text_path`: a long text is
    /// written once, not twice. A message that is changed or goes away leaves its text behind in the row.
    static let outboxTexts = """
        ALTER TABLE outbox ADD COLUMN text_path TEXT;
        ALTER TABLE outbox ADD COLUMN message_id INTEGER;
        CREATE INDEX outbox_by_message ON outbox (message_id) WHERE message_id IS NOT NULL;
        CREATE TRIGGER outbox_keeps_deleted_text BEFORE DELETE ON messages BEGIN \(keepText); END;
        CREATE TRIGGER outbox_keeps_changed_text BEFORE UPDATE OF content ON messages BEGIN \(keepText); END;
        """

    private static let keepText = """
        UPDATE outbox SET payload = \(payload(filledFrom: "OLD.content")), message_id = NULL WHERE message_id = OLD.id
        """

    /// What a row of `outbox` tells, with the text that it lacks.
    static let wholePayload = """
        CASE WHEN outbox.message_id IS NULL THEN outbox.payload
            ELSE (SELECT \(payload(filledFrom: "m.content")) FROM messages m WHERE m.id = outbox.message_id) END
        """

    /// The text stays the JSON that it is, so that it is the same whenever the row is read.
    private static func payload(filledFrom content: String) -> String {
        "json_replace(outbox.payload, outbox.text_path, json(\(content) -> '$[0].text'))"
    }
}
