import MiddlewareKit

/// A reply as a browser sees it: the changes of one fresh transform, applied.
struct VisibleReply {
    private(set) var text = ""
    private var transform: ReplyTransformKind?

    init(_ middleware: any Middleware, run: Run) {
        transform = middleware.makeReplyTransform(for: run)
    }

    mutating func feed(_ piece: String) async throws {
        switch transform {
        case .immediate(var immediate):
            text.apply(immediate.feed(piece[...]))
            transform = .immediate(immediate)
        case .awaiting(var awaiting):
            text.apply(try await awaiting.feed(piece[...]))
            transform = .awaiting(awaiting)
        case nil:
            text += piece
        }
    }

    mutating func finish() async throws {
        switch transform {
        case .immediate(var immediate): text.apply(immediate.finish())
        case .awaiting(var awaiting): text.apply(try await awaiting.finish())
        case nil: break
        }
    }
}
