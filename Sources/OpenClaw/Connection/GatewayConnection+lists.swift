package import JSON

/// Lists of the gateway, page by page and with parameters that not every gateway knows (OpenClaw protocol: lists).
extension GatewayConnection {
    private static let sessionsPage = 200
    private static let maxPages = 50

    /// Sends a request; what an older gateway does not know of its parameters is left out.
    package func requestLeniently(_ method: String, params: JSONObject) async throws(GatewayError) -> JSONValue {
        var params = params
        while true {
            do {
                return try await request(method, params: .object(params))
            } catch {
                guard let fewer = params.without(refusedBy: error) else { throw error }
                params = fewer
            }
        }
    }

    /// The same without waiting. What the gateway does not answer is not handled.
    private func askLeniently(
        _ method: String, _ params: JSONObject,
        then handle: @escaping @Sendable (isolated GatewayConnection, JSONValue) -> Void
    ) {
        submit(method, .object(params)) { [weak self] answer in
            self?.assumeIsolated { connection in
                switch answer {
                case .success(let payload): handle(connection, payload)
                case .failure(let error):
                    guard let fewer = params.without(refusedBy: error) else { return }
                    connection.askLeniently(method, fewer, then: handle)
                }
            }
        }
    }

    /// Reads the sessions, newest first.
    ///
    /// - Parameters:
    ///   - isWhole: All of them; else the first page.
    ///   - first: The first row of the page before: a gateway that gives the same page again knows no pages.
    func readSessions(isWhole: Bool, page: Int = 0, after first: JSONValue? = nil) {
        // Without pages a larger one must do.
        let isPaged = hello?.protocolVersion ?? 0 >= 4
        let limit = isPaged || !isWhole ? Self.sessionsPage : Self.sessionsPage * 5
        var params: JSONObject = [
            "limit": .integer(Int64(limit)), "includeDerivedTitles": true, "includeGlobal": true,
        ]
        if page > 0 { params["offset"] = .integer(Int64(page * limit)) }
        askLeniently("sessions.list", params) { connection, answer in
            if page == 0 { connection.update { $0.read(sessionsList: answer) } }
            let rows = answer["sessions"]?.array ?? []
            connection.tell(sessionRows: rows)
            let newFirst = rows.first?["key"]
            if rows.count < limit {
                connection.knownSessions.listEnded()
            } else if isWhole, isPaged, newFirst != first, page + 1 < Self.maxPages {
                connection.readSessions(isWhole: true, page: page + 1, after: newFirst)
            }
        }
    }

    private func tell(sessionRows rows: [JSONValue]) {
        let sessions = rows.compactMap { GatewaySession(row: $0, key: $0["key"], keys: runs.keys) }
        if !sessions.isEmpty { tell(.sessions(sessions)) }
        for session in sessions { knownSessions.note(session.key) }
    }

    /// Models of another view than the one that is read after each hello.
    package func models(view: String) async throws(GatewayError) -> [GatewayMetadata.Model] {
        var found = GatewayMetadata()
        found.read(modelsList: try await requestLeniently("models.list", params: ["view": .string(view)]))
        return found.models
    }

    /// The rows of the gateway's own list, with canonical keys.
    package func sessions(_ params: JSONObject) async throws(GatewayError) -> [JSONObject] {
        let answer = try await requestLeniently("sessions.list", params: params)
        return (answer["sessions"]?.array ?? []).compactMap { row in
            guard var object = row.object, let key = row["key"]?.string, !key.isEmpty else { return nil }
            object["key"] = .string(canonicalKey(key))
            return object
        }
    }
}

extension JSONObject {
    /// Without the members that the gateway does not know by its own words; nil when these are not the matter.
    fileprivate func without(refusedBy error: GatewayError) -> JSONObject? {
        guard case .refused("INVALID_REQUEST", let message, _) = error else { return nil }
        let unknown = ConnectFailure.unexpectedProperties(in: message)
        let fewer = JSONObject(filter { !unknown.contains($0.0) })
        return fewer.count < count ? fewer : nil
    }
}
