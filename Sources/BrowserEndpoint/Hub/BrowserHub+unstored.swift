import Logging
import MiddlewareKit
import PipelineEngine
import Storage

/// Ends of runs that could not be stored, because the database was locked or its disk full, are kept and tried again. The
/// browsers get an error first, and the end once it is stored. What a stop of the server comes between is looked for in the
/// gateway's history, as is every message without an answer.
extension BrowserHub {
    /// The run has ended, and its end did not get into the database.
    func keep(_ run: LiveRun, _ kind: EventKind, _ outcome: RunOutcome) {
        var outcome = outcome
        outcome.text = outcome.text ?? run.rawText
        guard unstored.keep(UnstoredEnd(run: run, kind: kind, outcome: outcome)) else {
            return logger.warning(
                "too many answers wait for the database; the next start looks for this one",
                metadata: ["gateway.id": "\(run.upstream.gateway)", "run.id": "\(run.run.id)"])
        }
        guard !unstored.areLookedAfter else { return }
        unstored.areLookedAfter = true
        jobs.submit { await self.storeKeptEnds() }
    }

    private func storeKeptEnds() async {
        while !unstored.isEmpty, await pause(UnstoredEnds.pause) {
            guard (try? await storage.checkHealth()) != nil else { continue }
            for kept in unstored.ends {
                guard let session = try? await session(kept.run.session.id) else { break }
                // The message may have been sent again meanwhile.
                guard runs[kept.run.key] == nil, unstored.take(kept.run.key) != nil else { continue }
                let run = begin(
                    kept.run.run.id, session, upstream: kept.run.upstream, context: kept.run.context,
                    chain: kept.run.chain, startedAt: kept.run.run.startedAt)
                run.wasToldOfFailure = true
                run.sequence = kept.run.sequence
                endAgain(run, kept)
            }
        }
        unstored.areLookedAfter = false
    }

    /// A run ends in the way that it has ended before.
    func endAgain(_ run: LiveRun, _ kept: UnstoredEnd) {
        run.isAccepted = true
        run.hasEnded = true
        run.waiting.append(.event(kept.kind, kept.outcome))
        pump(run)
    }
}

struct UnstoredEnd {
    let run: LiveRun
    let kind: EventKind
    /// With the text.
    let outcome: RunOutcome

    fileprivate var bytes: Int {
        outcome.blocks.reduce(1_000 + (outcome.text?.utf8.count ?? 0)) { bytes, block in
            switch block {
            case .thinking(let text), .other(json: let text): bytes + text.utf8.count
            }
        }
    }
}

/// A bounded list of ends that wait for the database, the oldest first.
struct UnstoredEnds {
    /// Between two attempts.
    static let pause = Duration.seconds(5)
    static let maxBytes = 16 << 20

    /// Somebody tries to store them.
    var areLookedAfter = false
    private(set) var ends: [UnstoredEnd] = []
    private var bytes = 0

    var isEmpty: Bool { ends.isEmpty }
    var count: Int { ends.count }

    /// - Returns: False when there is no room.
    mutating func keep(_ end: UnstoredEnd) -> Bool {
        guard bytes + end.bytes <= Self.maxBytes else { return false }
        bytes += end.bytes
        ends.append(end)
        return true
    }

    mutating func take(_ key: BrowserHub.RunKey) -> UnstoredEnd? {
        guard let index = ends.firstIndex(where: { $0.run.key == key }) else { return nil }
        let end = ends.remove(at: index)
        bytes -= end.bytes
        return end
    }

    /// Nothing of a session that was deleted is to be stored.
    mutating func forget(_ session: SessionID) {
        for end in ends where end.run.session.id == session { _ = take(end.run.key) }
    }
}
