"""Starts and stops Sluice for tests, and puts a proxy in front of it."""

import json
import os
import re
import select
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time

PROGRAM = os.path.join(os.path.dirname(__file__), "../../.build/debug/sluice")


class Server:
    """Sluice with its demo gateway, in a folder of its own. After the first start it keeps its port."""

    def __init__(self, pipeline, more="", demo=True):
        self._folder = tempfile.mkdtemp(prefix="page-test-")
        self._pipeline, self._more, self._demo = pipeline, more, demo
        self.port, self._process = 0, None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def address(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        with open(f"{self._folder}/config.yaml", "w", encoding="utf-8") as file:
            file.write(f"server: {{ port: {self.port} }}\n{self._more}\npipeline:\n{self._pipeline}\n")
        with open(f"{self._folder}/out", "w", encoding="utf-8") as out, open(f"{self._folder}/log", "w") as log:
            self._process = subprocess.Popen(
                [os.path.abspath(PROGRAM), "serve"] + ["--demo"] * self._demo, cwd=self._folder, stdout=out, stderr=log)
        deadline = time.monotonic() + 30
        while True:
            found = re.search(r"http://127\.0\.0\.1:(\d+)", open(f"{self._folder}/out", encoding="utf-8").read())
            if found:
                self.port = int(found[1])
                return
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError("Sluice did not start: " + open(f"{self._folder}/log", encoding="utf-8").read())
            time.sleep(0.05)

    def stop(self):
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(timeout=60)

    def run(self, *arguments):
        """The output of a command of the same configuration."""
        return subprocess.run([os.path.abspath(PROGRAM), *arguments], cwd=self._folder, check=True, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.strip()

    def write_history(self, gateway, key, count):
        """Puts messages `Message 1` to `Message COUNT` into the database."""
        with sqlite3.connect(f"{self._folder}/data/sluice.db", timeout=30) as database:
            session = database.execute(
                "INSERT INTO sessions (gateway_id, session_key, title, created_at, last_activity) VALUES (?, ?, ?, 1, 1)",
                (gateway, key, "A long one")).lastrowid
            for number in range(1, count + 1):
                content = json.dumps([{"type": "text", "text": f"Message {number}"}])
                database.execute(
                    "INSERT INTO messages (session_id, role, content, state, run_id, timestamp, created_at) "
                    "VALUES (?, ?, ?, 'complete', ?, ?, ?)",
                    (session, "user" if number % 2 else "assistant", content, f"run-{(number + 1) // 2}", number, number))


class Proxy:
    """Passes bytes on to a server, after a change of what the browser sends."""

    def __init__(self, port, change):
        self._target, self._change = port, change
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                browser, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(browser,), daemon=True).start()

    def _serve(self, browser):
        try:
            server = socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            return browser.close()
        with browser, server:
            while True:
                for source in select.select([browser, server], [], [])[0]:
                    piece = source.recv(1 << 16)
                    if not piece:
                        return
                    if source is browser:
                        server.sendall(self._change(piece))
                    else:
                        browser.sendall(piece)
