"""Kills the server at random moments between message and delivery, and checks that every stored message was told of, at
least once, with its text, and in the order of its session.

Usage: kill_test.py POINTS [SEED]
"""

import collections
import json
import logging
import random
import sqlite3
import sys
import tempfile
import threading
import time

from support import SECRET, Endpoint, Server
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

SESSIONS = [f"session-{number}" for number in range(4)]
TYPES = {("user", "complete"): "message.received", ("assistant", "complete"): "message.final",
         ("assistant", "aborted"): "message.aborted", ("assistant", "failed"): "message.error"}


def pipeline(port):
    return f"""
pipeline:
  - use: thinking-strip
  - use: persist
  - use: webhook
    with:
      allow-private: [127.0.0.1]
      ports: [{port}]
      schedule: [0s, 100ms, 100ms, 100ms, 100ms, 100ms, 100ms, 100ms, 100ms, 100ms, 1s, 1s, 1s, 1s, 1s, 1s]
      endpoints:
        - {{ name: one, url: "http://127.0.0.1:{port}/", secret: "{SECRET}" }}
"""


def chatter(server, stop):
    """Writes into all sessions as fast as the server takes it, until the server is gone."""
    try:
        with connect(server.socket, max_size=None, close_timeout=0.1) as socket:
            while not stop.is_set():
                for session in SESSIONS:
                    # The text of a long one is stored once, with the message, and put into its event when that is sent.
                    text = f"Hi {random.random()}" + random.choice(["", ' "and" more\n' * 300])
                    socket.send(json.dumps({"type": "chat", "sessionKey": session, "message": text}))
                for _ in range(5):
                    socket.recv(timeout=5)
    except (WebSocketException, OSError, TimeoutError):
        pass


def run(points, seed):
    random.seed(seed)

    def answer(call):
        time.sleep(random.choice([0, 0, 0.002, 0.02]))
        return 500 if random.random() < 0.02 else 200

    endpoint = Endpoint(answer)
    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder, pipeline(endpoint.port))
        for point in range(points):
            server.start()
            stop = threading.Event()
            thread = threading.Thread(target=chatter, args=(server, stop))
            thread.start()
            time.sleep(random.uniform(0.01, 0.5))
            server.kill()
            stop.set()
            thread.join()
        server.start()
        database = sqlite3.connect(f"file:{folder}/sluice.db?mode=ro", uri=True)

        def left():
            waiting = database.execute(
                "SELECT count(*) FROM webhook_deliveries WHERE state IN ('waiting', 'scheduled')").fetchone()[0]
            unplanned = database.execute(
                "SELECT count(*) FROM outbox WHERE id > (SELECT outbox_id FROM webhook_cursors)").fetchone()[0]
            return waiting + unplanned

        deadline = time.time() + 120
        while left() and time.time() < deadline:
            time.sleep(0.1)
        time.sleep(0.5)
        assert left() == 0, f"{left()} deliveries are left"
        dead = database.execute("SELECT count(*) FROM webhook_deliveries WHERE state = 'dead'").fetchone()[0]
        messages = database.execute(
            "SELECT session_key, role, state, run_id, content FROM messages JOIN sessions ON sessions.id = session_id "
            "ORDER BY messages.id").fetchall()
        server.stop()
        check(messages, endpoint, dead, points)


def check(messages, endpoint, dead, points):
    expected = collections.defaultdict(list)
    for session, role, state, run_id, content in messages:
        text = "".join(block["text"] for block in json.loads(content))
        expected[session].append((TYPES[role, state], run_id, text))
    told = collections.defaultdict(list)
    ids = set()
    repeated = 0
    for event in endpoint.events():
        if event["id"] in ids:
            repeated += 1
            continue
        ids.add(event["id"])
        told[event["data"]["session"]].append(
            (event["type"], event["data"]["run"], event["data"]["message"]["text"]))
    assert dead == 0, f"{dead} were given up"
    assert set(expected) == set(told), (set(expected), set(told))
    for session in expected:
        missing = set(expected[session]) - set(told[session])
        assert not missing, f"{session}: never told of {len(missing)}: {sorted(missing)[:5]}"
        assert told[session] == expected[session], f"{session}: told in another order, or of what was not stored"
    print(f"killed {points} times: {len(messages)} messages stored, all told of in order; {repeated} calls were repeats")


# It tells of connections that end in the middle of a frame, which is the point here.
logging.getLogger("websockets").setLevel(logging.CRITICAL)
points = int(sys.argv[1])
seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 30)
print(f"kill test: {points} points, seed {seed}")
run(points, seed)
