extension JSONObject {
    /// The object with the changes of a JSON merge patch (RFC 7396): members replace those of the same name, objects are
    /// merged, and null takes a member away.
    package func merged(with patch: JSONObject) -> JSONObject {
        var result = self
        for (key, value) in patch {
            switch value {
            case .null: result[key] = nil
            case .object(let change): result[key] = .object((self[key]?.object ?? [:]).merged(with: change))
            default: result[key] = value
            }
        }
        return result
    }
}
