"""The events of a running server: their signatures, their form, and the templates of the documentation."""

import base64
import json
import re
import sqlite3
import tempfile
import time
import urllib.request

import jsonschema
from standardwebhooks import Webhook
from support import SECRET, Endpoint, Server
from websockets.sync.client import connect

NEW_SECRET = "whsec_" + base64.b64encode(bytes(range(100, 132))).decode()
# Of the demo gateway.
AGENT = "demo"
EVENTS = [
    "message.received", "message.final", "message.aborted", "message.error", "run.started", "request.rejected",
    "gateway.connected", "gateway.disconnected", "session.created", "session.deleted",
]


def pipeline(port, rate=5, collector=None):
    traces = f'traces: {{ endpoint: "http://127.0.0.1:{collector}/v1/traces" }}' if collector else ""
    return f"""
{traces}
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
        - {{ name: all, url: "http://127.0.0.1:{port}/all", secret: ["{NEW_SECRET}", "{SECRET}"], events: [{", ".join(EVENTS)}] }}
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


def stop_a_chat(server):
    """Sends a message, and stops the answer at its first text."""
    with connect(server.socket) as socket:
        socket.send(json.dumps({"type": "chat", "sessionKey": "one", "message": "Tell me a long story", "id": "1"}))
        is_asked = False
        for frame in socket:
            frame = json.loads(frame)
            if frame.get("state") == "delta" and not is_asked:
                socket.send(json.dumps({"type": "abort", "sessionKey": "one", "id": "2"}))
                is_asked = True
            if frame.get("state") in ("final", "error", "aborted"):
                return frame


def metrics(server):
    """The metrics of webhooks, by name and labels."""
    with urllib.request.urlopen(server.address + "/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("sluice_webhook_")}


def test_events():
    endpoint = Endpoint()
    collector = Endpoint()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder, pipeline(endpoint.port, collector=collector.port)).start()
        for text in ["Hello", "And now?", "More"]:
            answer = chat(server, text)
            assert answer.get("state") == "final", answer
        assert chat(server, "Please fail")["state"] == "error"
        assert stop_a_chat(server)["state"] == "aborted"
        assert chat(server, "Too much")["code"] == "rate_limited"
        assert server.http("POST", "/api/gateways/demo/sessions", {"session_key": "agent:main:two"})[0] == 201
        assert server.http("DELETE", "/api/gateways/demo/sessions/agent:main:two")[0] == 200
        assert server.http("POST", "/api/webhooks/endpoints/all/test")[0] == 202
        # 5 messages with run and end, gateway up, 2 sessions made, 1 deleted, 1 rejection, 1 test; 3 more for the other.
        endpoint.wait(lambda calls: len(calls) >= 24, "the events")
        deadline = time.time() + 30
        while metrics(server).get('sluice_webhook_attempts_total{endpoint="finals",outcome="delivered"}') != 3:
            assert time.time() < deadline, metrics(server)
            time.sleep(0.1)
        for name in ("open_deliveries", "dead_deliveries", "oldest_open_seconds", "paused"):
            assert f'sluice_webhook_{name}{{endpoint="all"}}' in metrics(server), metrics(server)
        server.stop()
        calls = endpoint.wait(
            lambda calls: any(b"gateway.disconnected" in call["body"] for call in calls), "the last event")

        with open("docs/webhook-event.schema.json") as file:
            schema = jsonschema.Draft202012Validator(json.load(file))
        verifiers = [Webhook(NEW_SECRET), Webhook(SECRET)]
        types = set()
        for call in calls:
            event = json.loads(call["body"])
            errors = [error.message for error in schema.iter_errors(event)]
            assert not errors, (event, errors)
            types.add(event["type"])
            headers = {name.lower(): value for name, value in call["headers"].items()}
            assert headers["webhook-id"] == event["id"]
            if event["type"].startswith("message."):
                assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-01", event["traceparent"]), event
                assert headers["traceparent"] == event["traceparent"]
            if call["path"] == "/all":
                for verifier in verifiers:
                    assert verifier.verify(call["body"], headers) == event
            else:
                assert "webhook-signature" not in headers
                assert event["data"]["message"] == {"role": "assistant"}, event
        assert types == {*EVENTS, "webhook.test"}, types
        order = [
            event["type"] for event in map(json.loads, (call["body"] for call in calls if call["path"] == "/all"))
            if (event["data"].get("session") or "").endswith("one") and event["type"] != "request.rejected"
        ]
        ends = ["message.final"] * 3 + ["message.error", "message.aborted"]
        assert order == ["session.created"] + [
            word for end in ends for word in ("message.received", "run.started", end)], order


def test_reload():
    """A changed configuration takes effect without a restart, and no event is lost on the way."""
    endpoint = Endpoint()

    def configuration(path, event):
        return f"""
pipeline:
  - use: persist
  - use: webhook
    with:
      allow-private: [127.0.0.1]
      ports: [{endpoint.port}]
      endpoints: [ {{ name: {path}, url: "http://127.0.0.1:{endpoint.port}/{path}", events: [{event}] }} ]
"""

    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder, configuration("first", "message.received")).start()
        chat(server, "One")
        endpoint.wait(lambda calls: any(call["path"] == "/first" for call in calls), "the event before the reload")
        server.write(configuration("second", "message.final"))
        assert server.reload()["outcome"] == "applied"
        for _ in range(3):
            chat(server, "Two")
        calls = endpoint.wait(
            lambda calls: sum(call["path"] == "/second" for call in calls) >= 3, "the events after the reload")
        assert sum(call["path"] == "/first" for call in calls) == 1
        listed = server.http("GET", "/api/webhooks/endpoints")[1]
        assert [row["name"] for row in listed] == ["second"], listed
        shown = metrics(server)
        assert not any('endpoint="first"' in name for name in shown), shown
        # A stage that is gone leaves word of what waits for it.
        endpoint.answer = lambda call: 500
        chat(server, "Three")
        endpoint.wait(lambda calls: sum(call["path"] == "/second" for call in calls) >= 4, "the event that fails")
        server.write("pipeline: [ { use: persist } ]")
        server.reload()
        server.stop()
        with open(f"{folder}/log") as log:
            assert "for a stage “webhook”" in log.read()


def test_full_disk():
    """What cannot be stored is refused, and is not told of; what is stored is."""
    endpoint = Endpoint()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder, pipeline(endpoint.port, rate=100000)).start(file_limit=2 << 20)
        with connect(server.socket, max_size=None) as socket:
            for number in range(200):
                socket.send(json.dumps({
                    "type": "chat", "sessionKey": f"s{number % 4}", "message": "fail " + "x" * 30000, "id": "1"}))
            while True:
                frame = json.loads(socket.recv(timeout=30))
                if frame["type"] == "error":
                    break
        assert frame["code"] == "storage_failed", frame
        server.kill()
        server.start()
        database = sqlite3.connect(f"file:{folder}/sluice.db?mode=ro", uri=True)
        deadline = time.time() + 60
        while True:
            stored = database.execute("SELECT run_id, role FROM messages").fetchall()
            told = [(event["data"]["run"], event["data"]["message"]["role"])
                    for event in endpoint.events() if event["type"].startswith("message.")]
            if set(stored) == set(told):
                break
            assert time.time() < deadline, (set(stored) ^ set(told))
            time.sleep(0.1)
        assert stored
        server.stop()


def test_command_line():
    endpoint = Endpoint(lambda call: 500 if call["path"] == "/finals" else 200)
    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder, pipeline(endpoint.port)).start()
        chat(server, "Hello")
        endpoint.wait(lambda calls: any(call["path"] == "/finals" for call in calls), "the event")
        added = {"name": "added", "url": f"http://127.0.0.1:{endpoint.port}/added", "events": ["message.error"]}
        assert server.http("POST", "/api/webhooks/endpoints", added)[0] == 201
        changed = server.command("webhook", "change", "added", input='{"enabled": false}')
        assert changed.returncode == 0, changed
        assert server.command("webhook", "change", "added", input='{"timeout": "soon"}').returncode == 1
        assert server.command("webhook", "change", "all", input='{"enabled": false}').returncode == 1
        refused = server.command("webhook", "test", "added")
        assert refused.returncode == 1 and "is disabled" in refused.stderr, refused
        assert server.command("webhook", "enable", "all").returncode == 0
        listed = server.command("webhook", "list")
        assert re.search(r"^added +webhook +http://127.0.0.1:\d+/… +api +disabled", listed.stdout, re.M), listed
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
test_reload()
test_full_disk()
test_command_line()
test_templates()
print("webhook events: ok")
