package import MiddlewareKit

/// Hides what a model thought: reasoning tags in the text of replies, and thinking blocks beside it.
package struct ThinkingStrip: Middleware {
    private let options: ThinkingStripOptions

    package init(_ options: ThinkingStripOptions = ThinkingStripOptions()) {
        self.options = options
    }

    package var handles: StagePaths { Self.paths(options) }

    static func paths(_ options: ThinkingStripOptions) -> StagePaths {
        StagePaths(outbound: options.blocks == .drop ? [.final, .aborted, .error] : [], replyText: true)
    }

    package func outbound(
        _ event: OutboundEvent, context: MessageContext, next: Next<OutboundEvent>
    ) async throws {
        var event = event
        if options.blocks == .drop {
            event.blocks.removeAll { block in
                if case .thinking = block { true } else { false }
            }
        }
        try await next(event, context)
    }

    package func makeReplyTransform(for run: Run) -> ReplyTransformKind? {
        .immediate(ThinkingFilter(options))
    }
}

/// Makes thinking-strip stages.
package enum ThinkingStripPlugin: MiddlewarePlugin {
    package static let kind = "thinking-strip"
    package static let summary = "Hides what a model thought from the text and the blocks of replies."
    package static let defaultOnError = FailurePolicy.closed
    /// Passing a reply on as it came would show what the stage is there to hide.
    package static let mayFailOpen = false
    package static let defaultTimeout: Duration? = nil
    package static let isQuick = true

    package static func handles(_ options: ThinkingStripOptions) -> StagePaths? { ThinkingStrip.paths(options) }

    package static func provision(
        _ options: ThinkingStripOptions, in context: ProvisionContext
    ) async throws -> any Middleware {
        ThinkingStrip(options)
    }
}
