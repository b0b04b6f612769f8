import JSON
import MiddlewareKit
import NIOCore
import OpenClaw

/// What a browser's frame asks for, whichever protocol it came in.
struct BrowserRequest: Sendable {
    enum Action: Sendable {
        case chat(text: String, attachments: [Attachment])
        case abort(runID: String?)
        case subscribe
        case unsubscribe
        case history(limit: Int, before: Int64?, refresh: Bool)
        case agents
        /// - Parameter view: The gateway's own word; nil: what was read when it was connected.
        case models(view: String?)
        case sessions(SessionQuery)
        case gateways
        case approve(id: String, ExecApproval.Decision)
        case ping
        case authenticate(Credential)
        /// Understood, and answered with nothing.
        case ignore
    }

    var action: Action
    /// The client's own; comes back on the answer.
    var id: JSONValue?
    var gateway: String?
    /// As the browser spells it.
    var sessionKey: String?
    /// The run that a chat will start: the browser's idempotency key, or one of ours.
    var runID: String?
    /// How much the agent is to think about a chat; nil: as it usually does.
    var thinking: String?
    /// When the hub got it, by its clock.
    var arrivedAt: Duration = .zero
}

/// A frame that cannot be understood, in words for the person who wrote the client.
struct BadFrame: Error, Sendable {
    let message: String
    var id: JSONValue?
    var isChat = false
    /// As the frame has it.
    var gateway: String?
}

extension Unicode.Scalar {
    /// Of the category Cc, which Unicode promises not to change; asking the standard library's tables takes many times as long.
    fileprivate var isControl: Bool { value < 0x20 || (0x7F...0x9F).contains(value) }
}

/// Limits on what a frame may hold; see the gateway's own (OpenClaw protocol: session keys).
enum FrameLimits {
    static let sessionKeyCharacters = 512
    static let idCharacters = 200
    static let attachments = 16
    /// Of a file, and of what kind of file it is.
    static let nameCharacters = 255
    static let historyPage = 1...500
    /// Of an HTTP request, in bytes.
    static let requestBody = 64 << 10

    /// Not blank, without control characters, and without what stands for characters that could not be read.
    static func isSessionKey(_ key: String) -> Bool {
        !key.utf8.contains { $0 < 0x20 || $0 == 0x7F } && key.contains { !$0.isWhitespace }
            && !key.unicodeScalars.contains("\u{FFFD}")
    }

    /// Gateways take control characters out of messages, but for NUL, which they refuse, tabs and line ends. What is kept here must be
    /// what they have.
    static func withoutControls(_ text: String) -> String {
        func isDropped(_ scalar: Unicode.Scalar) -> Bool {
            scalar.isControl && !["\0", "\t", "\n", "\r"].contains(scalar)
        }
        guard text.unicodeScalars.contains(where: isDropped) else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.filter { !isDropped($0) }))
    }

    /// One line, whose characters stand in the order in which they are read.
    static func isTitle(_ title: String) -> Bool {
        !title.unicodeScalars.contains { scalar in
            scalar.isControl
                || !scalar.isASCII
                    && (scalar.properties.isBidiControl || ["\u{2028}", "\u{2029}"].contains(scalar))
        }
    }

    /// Base64 as in RFC 4648 section 4, alone or behind the head of a data URL.
    static func isBase64(_ content: String) -> Bool {
        var bytes = content.utf8[...]
        if content.hasPrefix("data:") {
            guard let comma = bytes.firstIndex(of: UInt8(ascii: ",")), content[..<comma].hasSuffix(";base64") else {
                return false
            }
            bytes = bytes[bytes.index(after: comma)...]
        }
        let digits = bytes.prefix { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"):
                true
            default: false
            }
        }
        let padding = bytes[digits.endIndex...]
        return !digits.isEmpty && bytes.count % 4 == 0 && padding.count < 3
            && padding.allSatisfy { $0 == UInt8(ascii: "=") }
    }
}

/// Reads the members of a frame and says what is wrong with them.
struct FrameReader {
    let frame: JSONObject
    let id: JSONValue?

    /// - Throws: ``BadFrame``.
    init(_ bytes: ByteBuffer) throws {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: bytes)
        } catch {
            throw BadFrame(message: "The frame cannot be read as JSON: \(error).")
        }
        guard let object = value.object else { throw BadFrame(message: "The frame must be a JSON object.") }
        frame = object
        switch object["id"] {
        case nil, .null?: id = nil
        case .string(let text)? where text.count <= FrameLimits.idCharacters: id = .string(text)
        case .integer(let number)?: id = .integer(number)
        default:
            throw BadFrame(
                message: "`id` must be a string of at most \(FrameLimits.idCharacters) characters or an integer.")
        }
    }

    var type: String {
        get throws { try required("type") }
    }

    func problem(_ message: String) -> BadFrame {
        BadFrame(
            message: message, id: id, isChat: frame["type"]?.string == "chat", gateway: frame["gateway"]?.string)
    }

    /// A string member; nil when it is absent or null.
    func string(_ key: String, atMost limit: Int = .max) throws -> String? {
        guard let value = frame[key], !value.isNull else { return nil }
        guard let text = value.string else { throw problem("`\(key)` must be a string.") }
        guard text.utf8.count <= limit || text.count <= limit else {
            throw problem("`\(key)` is longer than \(limit) characters.")
        }
        return text
    }

    func required(_ key: String, atMost limit: Int = .max) throws -> String {
        guard let text = try string(key, atMost: limit), !text.isEmpty else {
            throw problem("`\(key)` is missing or empty.")
        }
        return text
    }

    func integer(_ key: String) throws -> Int? {
        guard let value = frame[key], !value.isNull else { return nil }
        guard let number = value.int else { throw problem("`\(key)` must be a whole number.") }
        return number
    }

    func flag(_ key: String) throws -> Bool {
        guard let value = frame[key], !value.isNull else { return false }
        guard let flag = value.bool else { throw problem("`\(key)` must be true or false.") }
        return flag
    }

    func limit(default standard: Int = 50) throws -> Int {
        guard let limit = try integer("limit") else { return standard }
        guard FrameLimits.historyPage.contains(limit) else { throw problem("`limit` must be between 1 and 500.") }
        return limit
    }

    func sessionKey() throws -> String {
        let key = try required("sessionKey", atMost: FrameLimits.sessionKeyCharacters)
        guard FrameLimits.isSessionKey(key) else {
            throw problem("`sessionKey` must not be blank, or hold control or unreadable characters.")
        }
        return key
    }

    func message(attachments: [Attachment]) throws -> String {
        let text = FrameLimits.withoutControls(try string("message") ?? "")
        guard !text.utf8.contains(0) else { throw problem("`message` must not contain NUL characters.") }
        guard !attachments.isEmpty || text.contains(where: { !$0.isWhitespace }) else {
            throw problem("`message` is empty: write something first.")
        }
        return text
    }

    func attachments() throws -> [Attachment] {
        guard let value = frame["attachments"], !value.isNull else { return [] }
        guard let list = value.array, list.count <= FrameLimits.attachments else {
            throw problem("`attachments` must be an array of at most \(FrameLimits.attachments) objects.")
        }
        return try list.map { item in
            guard let type = item["type"]?.string, let mimeType = item["mimeType"]?.string,
                let content = item["content"]?.string, !type.isEmpty, !mimeType.isEmpty, !content.isEmpty
            else { throw problem("An attachment needs `type`, `mimeType` and `content` (base64).") }
            let name = item["fileName"].flatMap { $0.isNull ? nil : $0 }
            for word in [.string(type), .string(mimeType), name].compactMap(\.self) {
                guard let text = word.string, text.count <= FrameLimits.nameCharacters, FrameLimits.isTitle(text) else {
                    throw problem(
                        "`type`, `mimeType` and `fileName` of an attachment are one line each, of at most "
                            + "\(FrameLimits.nameCharacters) characters, without control characters.")
                }
            }
            guard FrameLimits.isBase64(content) else {
                throw problem("The `content` of an attachment must be base64, or a data URL with base64.")
            }
            return Attachment(type: type, mimeType: mimeType, fileName: name?.string, content: content)
        }
    }
}
