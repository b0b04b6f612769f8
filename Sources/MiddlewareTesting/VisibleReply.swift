import MiddlewareKit

/// A reply as a browser sees it: the changes of one fresh transform, applied.
struct VisibleReply {
    private(set) var text = ""
    private let steps: Steps?
    // In places of their own, so that what they keep is not copied for each piece.
    private var immediate: (any ReplyTransform)?
    private var awaiting: (any AsyncReplyTransform)?

    /// - Parameter steps: Of the check that this is a part of.
    init(_ middleware: any Middleware, run: Run, steps: Steps? = nil) {
        self.steps = steps
        switch middleware.makeReplyTransform(for: run) {
        case .immediate(let transform): immediate = transform
        case .awaiting(let transform): awaiting = transform
        case nil: break
        }
    }

    /// The visible text of a reply that streams in these pieces, to its end.
    static func whole(_ middleware: any Middleware, _ pieces: [String], _ steps: Steps) async throws -> String {
        var reply = VisibleReply(middleware, run: Sample.run(), steps: steps)
        for piece in pieces { try await reply.feed(piece) }
        try await reply.finish()
        return reply.text
    }

    mutating func feed(_ piece: String) async throws {
        steps?.take()
        text.apply(
            try await awaiting?.feed(piece[...]) ?? immediate?.feed(piece[...]) ?? .append(piece))
    }

    mutating func finish() async throws {
        steps?.take()
        guard let change = try await awaiting?.finish() ?? immediate?.finish() else { return }
        text.apply(change)
    }
}
