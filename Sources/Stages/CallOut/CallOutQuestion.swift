/// What is asked outside of the server. docs/stages/process.md shows it for authors of programs.
enum CallOutQuestion: Sendable {
    case message(CallOutMessage)
    /// Text of a reply: what was kept last time, and what followed. `isEnd`: there is no more.
    case reply(CallOutMessage, isEnd: Bool)

    enum Key: String, CodingKey { case `protocol`, stage, id, type, message, end }

    /// The version of the questions and their answers.
    static let version = 1

    func encode(to container: inout KeyedEncodingContainer<Key>) throws {
        switch self {
        case .message(let message):
            try container.encode(message.direction, forKey: .type)
            try container.encode(message, forKey: .message)
        case .reply(let message, let isEnd):
            try container.encode("reply", forKey: .type)
            try container.encode(message, forKey: .message)
            try container.encode(isEnd, forKey: .end)
        }
    }
}
