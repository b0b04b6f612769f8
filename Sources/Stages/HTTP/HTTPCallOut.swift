import Foundation
import Logging
import MiddlewareKit
import Synchronization
import Webhooks

/// Puts questions to a server. Safe to use from anywhere.
final class HTTPCallOut: CallOut {
    /// The wait before the first repetition; each one after it waits twice as long.
    static let firstWait = Duration.milliseconds(100)
    /// The longest answer, in bytes.
    static let maxAnswer = 1 << 20

    private struct State {
        var breaker = CircuitBreaker()
        var waiting = 0
        /// The breaker is open, and the one call is under way that shows whether the server is there again.
        var isProbing = false
    }

    private let url: HTTPAddress
    private let options: HTTPOptions
    private let stage: String
    private let http: any HTTPCaller
    private let time: any TimeSource
    private let logger: Logger
    private let state = Mutex(State())

    init(
        url: HTTPAddress, options: HTTPOptions, stage: String, http: any HTTPCaller, time: any TimeSource,
        logger: Logger
    ) {
        self.url = url
        self.options = options
        self.stage = stage
        self.http = http
        self.time = time
        self.logger = logger
    }

    func stop() async {}

    func ask(_ question: CallOutQuestion) async throws -> CallOutAnswer {
        let isProbe = try enter()
        do {
            let answer = try await answer(to: question)
            leave(isProbe) { $0.noteSuccess() }
            return answer
        } catch is CancellationError {
            leave(isProbe) { _ in nil }
            throw CancellationError()
        } catch {
            let now = time.uptime
            leave(isProbe) { $0.noteFailure(at: now) }
            throw error
        }
    }

    // MARK: Who may call

    /// - Returns: Whether the call is the one that tries a server that has been left alone.
    /// - Throws: ``CallOutProblem`` when no call may be made.
    private func enter() throws -> Bool {
        let now = time.uptime
        return try state.withLock { state in
            guard state.waiting < options.maxWaiting else {
                throw CallOutProblem("\(options.maxWaiting) messages wait for \(url.origin) already")
            }
            let isProbe = state.breaker.isOpen
            guard !isProbe || (!state.isProbing && state.breaker.allowance(1, at: now) > 0) else {
                throw CallOutProblem("\(url.origin) failed again and again, and is left alone for a while")
            }
            state.waiting += 1
            if isProbe { state.isProbing = true }
            return isProbe
        }
    }

    private func leave(_ isProbe: Bool, _ judge: (inout CircuitBreaker) -> CircuitBreaker.Change?) {
        let change = state.withLock { state in
            state.waiting -= 1
            if isProbe { state.isProbing = false }
            return judge(&state.breaker)
        }
        switch change {
        case .opened(let pause):
            logger.warning("\(url.origin) fails again and again, and is left alone for \(pause.optionText)")
        case .closed: logger.notice("\(url.origin) answers again")
        case nil: break
        }
    }

    // MARK: The call

    /// What is said in the body of a call.
    private struct Body: Encodable {
        let stage: String
        let id: String
        let question: CallOutQuestion

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CallOutQuestion.Key.self)
            try container.encode(CallOutQuestion.version, forKey: .protocol)
            try container.encode(stage, forKey: .stage)
            try container.encode(id, forKey: .id)
            try question.encode(to: &container)
        }
    }

    private func answer(to question: CallOutQuestion) async throws -> CallOutAnswer {
        // The same on every attempt, so that the server knows a question that it has had.
        let id = "msg_" + UUID().uuidString.lowercased()
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let body = Array(try encoder.encode(Body(stage: stage, id: id, question: question)))
        var (wait, retriesLeft) = (Self.firstWait, options.retries)
        while true {
            let result: Result<HTTPAnswer, HTTPFailure>
            do {
                result = .success(try await http.send(call(id, body)))
            } catch let failure as HTTPFailure {
                result = .failure(failure)
            }
            guard retriesLeft > 0, result.wasNotWorkedOn else { return try read(result, question) }
            try await time.sleep(for: wait)
            (wait, retriesLeft) = (wait * 2, retriesLeft - 1)
        }
    }

    private func call(_ id: String, _ body: [UInt8]) -> HTTPCall {
        let seconds = time.now.milliseconds / 1000
        var headers = [
            (name: "Content-Type", value: "application/json"), (name: "webhook-id", value: id),
            (name: "webhook-timestamp", value: "\(seconds)"),
        ]
        if !options.secrets.isEmpty {
            let signature = options.secrets.signature(id: id, timestamp: seconds, body: body)
            headers.append((name: "webhook-signature", value: signature))
        }
        headers += options.headers.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value.revealed) }
        return HTTPCall(
            url: url, headers: headers, body: body, timeout: options.answerTimeout, maxAnswer: Self.maxAnswer,
            rules: options.rules)
    }

    /// - Throws: ``HTTPFailure``, ``CallOutProblem``.
    private func read(_ result: Result<HTTPAnswer, HTTPFailure>, _ question: CallOutQuestion) throws -> CallOutAnswer {
        let answer = try result.get()
        guard (200...299).contains(answer.status) else {
            throw CallOutProblem("\(url.origin) answered \(answer.status)")
        }
        guard answer.isComplete else {
            throw CallOutProblem(
                "the answer of \(url.origin) did not end in time, or has more than \(Self.maxAnswer) bytes")
        }
        if answer.body.isEmpty { return CallOutAnswer(passing: question) }
        do {
            return try JSONDecoder().decode(CallOutAnswer.self, from: Data(answer.body))
        } catch {
            let problem = CallOutAnswer.problem(error).map { ": \($0)" } ?? ""
            throw CallOutProblem("\(url.origin) answered something that is no verdict\(problem)")
        }
    }
}

extension CallOutAnswer {
    /// An answer without words: nothing is to be changed.
    fileprivate init(passing question: CallOutQuestion) {
        switch question {
        case .message: self.init(verdict: .pass)
        case .reply(let message, _): self.init(text: message.text)
        }
    }
}

extension Result<HTTPAnswer, HTTPFailure> {
    /// Nothing came of the call, so making it again cannot do anything twice: there was no connection, or the server said that
    /// it is too busy.
    fileprivate var wasNotWorkedOn: Bool {
        switch self {
        case .success(let answer): answer.status == 503 || answer.status == 429
        case .failure(let failure): [.refused, .unreachable, .hostNotFound].contains(failure.reason)
        }
    }
}
