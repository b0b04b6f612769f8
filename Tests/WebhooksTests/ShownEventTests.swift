import JSON
import MiddlewareKit
import MiddlewareTesting
import Storage
import Testing
import Webhooks

@Suite struct ShownEventTests {
    /// What is stored holds what the most curious endpoint is told.
    @Test func administratorsSeeWhatTheEndpointIsSent() async throws {
        let rig = try WorkerRig()
        let endpoints = [
            try WorkerRig.endpoint("all"), try WorkerRig.endpoint("who") { $0.content = EventContent.none },
            try WorkerRig.endpoint("chat") {
                $0.template = try? BodyTemplate(#"{"text": "{{data.agent}}: {{data.message.text}}"}"#)
            },
            try WorkerRig.endpoint("terse") {
                $0.template = try? BodyTemplate(#"{"text": "{{data.agent}}: {{data.message.text}}"}"#)
                $0.content = EventContent.none
            },
        ]
        try await rig.store("r1", text: "A \"word\".")
        let registry = WebhookRegistry()
        let administration = WebhookAdministration(registry: registry, store: rig.database, time: rig.time)
        func shown() async throws -> [String: JSONValue] {
            var shown: [String: JSONValue] = [:]
            for delivery in try await rig.database.deliveries(DeliveryFilter()) {
                shown[delivery.endpoint] = try await administration.delivery(id: delivery.id)
            }
            return shown
        }
        try await rig.running(endpoints) { worker in
            #expect(registry.add(worker) == nil)
            try await rig.wait(for: .delivered, count: endpoints.count)
        }
        let seen = try await shown()
        #expect(seen.count == endpoints.count)
        for call in rig.http.calls {
            let shown = try #require(call.url.host.split(separator: ".").first.flatMap { seen[String($0)] })
            if let body = shown["body"]?.string {
                #expect(body == String(decoding: call.body, as: UTF8.self))
            } else {
                #expect(shown["event"] == call.json)
            }
        }
        func text(of name: String, in shown: [String: JSONValue]) -> JSONValue? {
            shown[name]?["event"]?["data"]?["message"]?["text"]
        }
        #expect(text(of: "all", in: seen) == #"A "word"."# && text(of: "who", in: seen) == nil)
        #expect(seen["all"]?["body"] == .null && seen["who"]?["body"] == .null)
        #expect(seen["chat"]?["body"] == #"{"text": "main: A \"word\"."}"#)
        #expect(seen["terse"]?["body"] == #"{"text": "main: "}"# && text(of: "terse", in: seen) == nil)

        // Endpoints that are gone can say no more how much they get; what their stage says, holds.
        _ = registry.add(rig.worker([], content: EventContent.none))
        let gone = try await shown()
        #expect(text(of: "all", in: gone) == nil && gone["chat"]?["body"] == .null)
        #expect(gone["all"]?["event"]?["data"]?["message"]?["role"] == "assistant")
        _ = registry.add(rig.worker([]))
        #expect(text(of: "who", in: try await shown()) == #"A "word"."#)
        // The stage is gone too.
        let none = WebhookAdministration(registry: WebhookRegistry(), store: rig.database, time: rig.time)
        let lost = try await none.delivery(id: 1)["event"]
        #expect(lost?["data"]?["message"]?["role"] == "assistant" && lost?["data"]?["message"]?["text"] == nil)
    }
}
