"""The events of a running server: their signatures, their form, and the templates of the documentation."""

import json
import re
import tempfile

import jsonschema
from standardwebhooks import Webhook
from support import SECRET, Endpoint, Server
from websockets.sync.client import connect

# Of the demo gateway.
AGENT = "demo"
EVENTS = [
    "message.received", "message.final", "message.aborted", "message.error", "run.started", "request.rejected",
    "gateway.connected", "gateway.disconnected", "session.created", "session.deleted",
]


def pipeline(port, rate=3):
    return f"""
pipeline:
  - use: rate-limit
    with: {{ limits: [ {{ key: [user], requests: {rate}, per: 1h }} ] }}
  - use: thinking-strip
  - use: persist
  - use: webhook
    with:
      allow-private: [127.0.0.1]
      ports: [{port}]
      content: blocks
      endpoints:
        - {{ name: all, url: "http://127.0.0.1:{port}/all", secret: "{SECRET}", events: [{", ".join(EVENTS)}] }}
        - {{ name: finals, url: "http://127.0.0.1:{port}/finals", events: [message.final], content: none }}
"""


def chat(server, text, session="one"):
    """Sends a message and reads up to the end of its run, or to the error."""
    with connect(server.socket) as socket:
        socket.send(json.dumps({"type": "chat", "sessionKey": session, "message": text, "id": "1"}))
        for frame in socket:
            frame = json.loads(frame)
            if frame["type"] == "error" or frame.get("state") in ("final", "error", "aborted"):
                return frame


def test_events():
    endpoint = Endpoint()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder, pipeline(endpoint.port)).start()
        for text in ["Hello", "And now?", "More"]:
            answer = chat(server, text)
            assert answer.get("state") == "final", answer
        assert chat(server, "Too much")["code"] == "rate_limited"
        assert server.http("POST", "/api/gateways/demo/sessions", {"session_key": "agent:main:two"})[0] == 201
        assert server.http("DELETE", "/api/gateways/demo/sessions/agent:main:two")[0] == 200
        assert server.http("POST", "/api/webhooks/endpoints/all/test")[0] == 202
        # 3 messages with run and answer, gateway up, 2 sessions made, 1 deleted, 1 rejection, 1 test; 3 more for the other.
        calls = endpoint.wait(lambda calls: len(calls) >= 18, "the events")
        server.stop()
        endpoint.wait(lambda calls: any(b"gateway.disconnected" in call["body"] for call in calls), "the last event")

        with open("docs/webhook-event.schema.json") as file:
            schema = jsonschema.Draft202012Validator(json.load(file))
        verifier = Webhook(SECRET)
        types = set()
        for call in calls:
            event = json.loads(call["body"])
            errors = [error.message for error in schema.iter_errors(event)]
            assert not errors, (event, errors)
            types.add(event["type"])
            headers = {name.lower(): value for name, value in call["headers"].items()}
            assert headers["webhook-id"] == event["id"]
            if call["path"] == "/all":
                assert verifier.verify(call["body"], headers) == event
            else:
                assert "webhook-signature" not in headers
                assert event["data"]["message"] == {"role": "assistant"}, event
        assert types >= {
            "message.received", "message.final", "run.started", "request.rejected", "gateway.connected",
            "session.created", "session.deleted", "webhook.test",
        }, types
        order = [
            event["type"] for event in map(json.loads, (call["body"] for call in calls if call["path"] == "/all"))
            if event["type"].startswith("message.")
        ]
        assert order == ["message.received", "message.final"] * 3, order


def test_command_line():
    endpoint = Endpoint(lambda call: 500 if call["path"] == "/finals" else 200)
    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder, pipeline(endpoint.port)).start()
        chat(server, "Hello")
        endpoint.wait(lambda calls: any(call["path"] == "/finals" for call in calls), "the event")
        listed = server.command("webhook", "list")
        assert re.search(r"^all +webhook +http://127.0.0.1:\d+/… +config +active", listed.stdout, re.M), listed
        tested = server.command("webhook", "test", "all")
        assert tested.returncode == 0 and "HTTP 200" in tested.stdout, tested
        failing = server.command("webhook", "test", "finals")
        assert failing.returncode == 1 and "HTTP 500" in failing.stderr, failing
        done = server.command("webhook", "deliveries", "--state", "delivered", "--type", "message.final")
        row = re.search(r"^(\d+) .* all +message.final +delivered +1 +HTTP 200", done.stdout, re.M)
        assert row, done
        before = len(endpoint.events())
        assert server.command("webhook", "replay", row[1]).returncode == 0
        calls = endpoint.wait(lambda calls: len(calls) > before, "the repeated event")
        shown = server.command("webhook", "deliveries", row[1])
        assert shown.stdout.count("HTTP 200") == 2, shown
        assert server.command("webhook", "replay", "99999").returncode == 1
        server.stop()


def test_templates():
    """The examples of the documentation give what the services expect."""
    endpoint = Endpoint()
    with open("docs/webhook-examples.yaml") as file:
        text = file.read()
    assert "    with:\n" in text
    text = text.replace("    with:\n", f"    with:\n      allow-private: [127.0.0.1]\n      ports: [{endpoint.port}]\n", 1)
    env = {f"{name}_URL": f"http://127.0.0.1:{endpoint.port}/{name}" for name in ("SLACK", "DISCORD", "TEAMS")}
    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder, text, env).start()
        chat(server, 'Say "this",\nand that \\ in two lines')
        calls = endpoint.wait(lambda calls: len(calls) >= 3, "the three calls")
        server.stop()
    bodies = {call["path"][1:]: json.loads(call["body"]) for call in calls}
    assert AGENT in bodies["SLACK"]["text"], bodies
    assert AGENT in bodies["DISCORD"]["content"], bodies
    card = bodies["TEAMS"]["attachments"][0]
    assert bodies["TEAMS"]["type"] == "message" and card["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert card["content"]["type"] == "AdaptiveCard" and card["content"]["body"][0]["type"] == "TextBlock"


test_events()
test_command_line()
test_templates()
print("webhook events: ok")
