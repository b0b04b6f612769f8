/// The headers that a configuration adds to calls.
package enum CallHeaders {
    /// Headers that say how the call is sent are not for the file to set.
    package static func problem(_ headers: [String: Secret]) -> String? {
        let own = [
            "host", "content-length", "content-type", "connection", "transfer-encoding", "user-agent", "traceparent",
        ]
        let taken = headers.keys.filter { name in
            own.contains(name.lowercased()) || name.lowercased().hasPrefix("webhook-")
        }
        guard taken.isEmpty else {
            return "must not set \(taken.sorted().joined(separator: ", ")), which the server sets itself"
        }
        for (name, value) in headers {
            let isToken = !name.isEmpty && name.utf8.allSatisfy { tokenCharacters.contains($0) }
            let isText = value.revealed.utf8.allSatisfy { (0x20..<0x7F).contains($0) || $0 == 0x09 }
            if !isToken || !isText { return "has a header with a character that is not allowed" }
        }
        return nil
    }

    /// RFC 9110 section 5.6.2.
    private static let tokenCharacters = Set(
        "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
}
