import HTTPTypes
import Hummingbird
import JSON
import Logging
import MiddlewareKit
import NIOCore

extension Response {
    init(_ status: HTTPResponse.Status = .ok, json: JSONValue) {
        var buffer = ByteBuffer()
        buffer.writeJSON(json)
        self.init(status, jsonBytes: buffer)
    }

    init(_ status: HTTPResponse.Status = .ok, jsonBytes: ByteBuffer) {
        self.init(
            status: status,
            headers: [.contentType: "application/json; charset=utf-8", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: jsonBytes))
    }

    /// `{error: {code, message}, detail: message}`: the second is for frontends that read the text only.
    init(_ rejection: Rejection) {
        self.init(rejection.httpStatus, json: rejection.json)
        if let milliseconds = rejection.retryAfterMs {
            headers[.retryAfter] = "\(max(1, (milliseconds + 999) / 1000))"
        }
        if status == .requestTimeout { headers[.connection] = "close" }
        if httpStatusNeedsKey { headers[.wwwAuthenticate] = "Bearer" }
    }

    private var httpStatusNeedsKey: Bool { status == .unauthorized }
}

extension Rejection {
    /// The body of an HTTP answer.
    var json: JSONValue {
        ["error": ["code": .string(code), "message": .string(message)], "detail": .string(message)]
    }

    var httpStatus: HTTPResponse.Status {
        switch code {
        case "bad_request": .badRequest
        case "unauthorized": .unauthorized
        case "forbidden", "disabled", "missing_scope": .forbidden
        case "unknown_gateway", "not_found": .notFound
        case "method_not_allowed": .methodNotAllowed
        case "request_timeout": .requestTimeout
        case "conflict": .conflict
        case "too_large": .contentTooLarge
        case "rate_limited": .tooManyRequests
        case "gateway_refused", "gateway_lost": .badGateway
        case "gateway_unavailable", "shutting_down", "storage_failed": .serviceUnavailable
        case "upgrade_required": .upgradeRequired
        case "gateway_timeout", "stage_timeout": .gatewayTimeout
        case "internal", "stage_failed": .internalServerError
        default: .unprocessableContent
        }
    }

    static func notFound(_ message: String) -> Rejection { Rejection(code: "not_found", message: message) }
    static func badRequest(_ message: String) -> Rejection { Rejection(code: "bad_request", message: message) }
}

/// Turns everything that a route throws into a JSON answer.
struct ErrorMiddleware<Context: RequestContext>: RouterMiddleware {
    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as HTTPError where error.status == .notFound {
            return Response(.notFound("There is nothing at this address. See /openapi.json for what there is."))
        } catch let error as HTTPError where error.status == .contentTooLarge {
            return Response(Rejection(code: "too_large", message: "The body is too large."))
        } catch let error as any HTTPResponseError {
            return Response(
                error.status,
                json: [
                    "error": ["code": "bad_request", "message": .string(error.status.reasonPhrase)],
                    "detail": .string(error.status.reasonPhrase),
                ])
        } catch {
            return Response(Rejection(answering: error, logger: context.logger))
        }
    }
}

extension Request {
    /// The body as a JSON object; an empty body is an empty object.
    mutating func jsonObject() async throws -> JSONObject {
        let limit = FrameLimits.requestBody
        let body: ByteBuffer
        do {
            body = try await collectBody(upTo: limit)
        } catch is NIOTooManyBytesError {
            throw Rejection(code: "too_large", message: "The body is larger than \(limit) bytes.")
        } catch is RequestDeadline.Missed {
            throw Rejection.requestTimeout
        } catch {
            throw Rejection.badRequest("The body could not be read: it breaks off, or is not sent as HTTP wants it.")
        }
        guard body.readableBytes > 0 else { return JSONObject() }
        do {
            guard let object = try JSONValue(parsing: body).object else {
                throw Rejection.badRequest("The body must be a JSON object.")
            }
            return object
        } catch let error as JSONError {
            throw Rejection.badRequest("The body cannot be read as JSON: \(error).")
        }
    }
}

extension JSONObject {
    /// A string member of a body; nil when absent or null.
    func string(_ key: String, atMost limit: Int = 2000) throws -> String? {
        guard let value = self[key], !value.isNull else { return nil }
        guard let text = value.string, text.count <= limit, !text.utf8.contains(0) else {
            throw Rejection.badRequest("`\(key)` must be a string of at most \(limit) characters.")
        }
        return text
    }

    /// An object member of a body; nil when absent or null.
    func object(_ key: String) throws -> JSONObject? {
        guard let value = self[key], !value.isNull else { return nil }
        guard let object = value.object else { throw Rejection.badRequest("`\(key)` must be an object.") }
        return object
    }

    /// - Throws: ``Rejection`` that names the first key that is not in `known`.
    func requireOnly(_ known: String...) throws {
        guard let unknown = keys.first(where: { !known.contains($0) }) else { return }
        throw Rejection.badRequest("Unknown member `\(unknown)`. Known are \(known.joined(separator: ", ")).")
    }
}
