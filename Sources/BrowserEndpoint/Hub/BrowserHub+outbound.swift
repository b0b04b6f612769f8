import DequeModule
import Logging
import MiddlewareKit
import OpenClaw
import PipelineEngine
import Storage

/// What the gateway says of a run goes through the chain, one piece or event at a time and in order.
extension BrowserHub {
    /// Starts on what waits first, unless something is under way already.
    func pump(_ run: LiveRun) {
        guard !run.isBusy, !run.waiting.isEmpty else { return }
        run.isBusy = true
        let key = run.key
        jobs.submit { await self.process(key) }
    }

    private func process(_ key: RunKey) async {
        guard let run = runs[key], let waiting = run.waiting.popFirst() else { return }
        run.isInHand = true
        defer {
            run.isInHand = false
            run.restWaiters.resumeAll()
        }
        var isOver = false
        switch waiting {
        case .text(let change):
            var text = run.replyText
            do {
                let visible = try await text.feedAwaiting(change)
                run.replyText = text
                show(visible, of: run)
            } catch {
                if !Task.isCancelled { breakOff(run, error) }
            }
        case .event(let kind, let outcome):
            await deliver(kind, outcome, of: run, key)
            // Another end may have taken the place of this one.
            isOver = kind == .message || kind.isTerminal && run.waiting.isEmpty
        }
        // When the server stops, the next start looks for the end of the run.
        if !Task.isCancelled {
            run.isBusy = false
            if isOver { finish(run) } else { pump(run) }
        }
        flush()
    }

    private func deliver(_ kind: EventKind, _ outcome: RunOutcome, of run: LiveRun, _ key: RunKey) async {
        let event = OutboundEvent(
            kind: kind, run: run.run, text: kind == .status ? "" : outcome.text ?? run.rawText, blocks: outcome.blocks,
            usage: outcome.usage,
            model: kind.isTerminal && !outcome.isWithoutModel
                ? outcome.model ?? metadata(of: key.gateway)?.defaultModel : nil,
            timing: run.timing, stopReason: outcome.stopReason, detail: outcome.detail, errorKind: outcome.errorKind,
            timestamp: outcome.timestamp)
        do {
            let passage = try await run.chain.deliver(
                event, context: watched(run.context, MessageFacts(event, run.context))
            ) { event, _ in
                await self.show(event, of: key)
            }
            if case .dropped(let stage) = passage, kind.isTerminal {
                let message = "The stage “\(stage)” withheld the reply."
                await replaceEnd(of: run, kind, outcome, with: Rejection(code: "withheld", message: message))
            }
        } catch {
            // Broken off: the stage is not to blame, and the run has no other end.
            guard !Task.isCancelled else { return }
            // Once the browsers have the end, no stage can give them another one.
            guard kind.isTerminal, !run.isEndShown else {
                return run.context.logger.warning("a stage failed when the browsers had the event: \(error)")
            }
            await replaceEnd(
                of: run, kind, outcome, with: Rejection(answering: error, logger: run.context.logger))
        }
    }

    /// A stage did not let a piece of the text through. The run ends as an error, without the text, and the gateway need not
    /// go on with it.
    func breakOff(_ run: LiveRun, _ error: any Error) {
        let rejection = Rejection(answering: error, logger: run.context.logger)
        run.context.endTrace(rejection)
        stop(run)
        let outcome = RunOutcome(
            text: "", detail: rejection.message, errorKind: rejection.code, timestamp: time.now)
        run.waiting.removeAll()
        guard run.hasEnded else { return end(run, .error, outcome) }
        // Its own end waited behind the text.
        run.waiting.append(.event(.error, outcome))
    }

    /// The end of a run did not get through the chain. A stage that stopped it makes an error of it, without the text, which goes
    /// through the chain as well, so that it is stored and told of; where even that is stopped, the browsers get it as it is. An
    /// end that could not be stored is kept, and they are told so.
    private func replaceEnd(
        of run: LiveRun, _ kind: EventKind, _ outcome: RunOutcome, with rejection: Rejection
    ) async {
        run.hasEnded = true
        run.context.endTrace(rejection)
        let isUnstored = rejection.code == "storage_failed"
        if !isUnstored, run.refusal == nil {
            run.refusal = rejection
            run.waiting.append(
                .event(
                    .error,
                    RunOutcome(text: "", detail: rejection.message, errorKind: rejection.code, timestamp: time.now)))
            return
        }
        if isUnstored { keep(run, kind, outcome) }
        // It is told once, however often it is tried.
        if !run.wasToldOfFailure {
            let first = run.refusal ?? rejection
            broadcast(.failed(code: first.code, message: first.message, time.now), of: run)
        }
        guard !isUnstored else { return }
        do {
            // Otherwise the answer would be looked for after the next start, and shown.
            try await storage.markUnanswered(
                gateway: run.run.gateway, sessionKey: run.run.sessionKey, runID: run.run.id)
        } catch {
            logger.warning("that a run failed could not be stored", metadata: ["reason": "\(error)"])
        }
    }
}
