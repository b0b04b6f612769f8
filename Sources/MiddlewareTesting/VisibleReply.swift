import MiddlewareKit

/// A reply as a browser sees it: the changes of one fresh transform, applied.
struct VisibleReply {
    private(set) var text = ""
    // In places of their own, so that what they keep is not copied for each piece.
    private var immediate: (any ReplyTransform)?
    private var awaiting: (any AsyncReplyTransform)?

    init(_ middleware: any Middleware, run: Run) {
        switch middleware.makeReplyTransform(for: run) {
        case .immediate(let transform): immediate = transform
        case .awaiting(let transform): awaiting = transform
        case nil: break
        }
    }

    mutating func feed(_ piece: String) async throws {
        text.apply(
            try await awaiting?.feed(piece[...]) ?? immediate?.feed(piece[...]) ?? .append(piece))
    }

    mutating func finish() async throws {
        guard let change = try await awaiting?.finish() ?? immediate?.finish() else { return }
        text.apply(change)
    }
}
