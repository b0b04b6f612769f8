"""A running server, and an endpoint that takes its webhooks."""

import base64
import http.server
import json
import os
import resource
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

BINARY = os.environ.get("SLUICE", ".build/debug/sluice")
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


class Endpoint:
    """An HTTP server that keeps what it gets."""

    def __init__(self, answer=lambda call: 200):
        self.answer = answer
        self.calls = []
        self.lock = threading.Lock()
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                call = {"path": self.path, "headers": dict(self.headers), "body": body, "at": time.time()}
                with endpoint.lock:
                    endpoint.calls.append(call)
                self.send_response(endpoint.answer(call))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def events(self):
        with self.lock:
            return [json.loads(call["body"]) for call in self.calls]

    def wait(self, condition, what, seconds=30):
        deadline = time.time() + seconds
        while time.time() < deadline:
            with self.lock:
                calls = list(self.calls)
            if condition(calls):
                return calls
            time.sleep(0.02)
        raise AssertionError(f"{what} did not come; there are {len(calls)} calls")


class Server:
    """A process of the server with its demo gateway."""

    def __init__(self, folder, pipeline, env=None):
        self.folder = folder
        self.env = {**os.environ, **(env or {})}
        self.config = os.path.join(folder, "config.yaml")
        self.write(pipeline)

    def start(self, file_limit=None):
        """With a limit, in bytes, no file can grow beyond it: to the database that is a disk that is full."""

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))

        self.log = open(os.path.join(self.folder, "log"), "ab")
        self.process = subprocess.Popen(
            [BINARY, "serve", "--config", self.config, "--demo"], stdout=subprocess.PIPE, stderr=self.log, env=self.env,
            preexec_fn=limit if file_limit else None, restore_signals=not file_limit)
        for line in self.process.stdout:
            if b"Open http" in line:
                self.address = line.decode().split("Open ")[1].strip()
                break
        else:
            with open(os.path.join(self.folder, "log")) as log:
                raise AssertionError(f"the server did not start:\n{log.read()}")
        while not self.http("GET", "/readyz")[1]["gateways"][0]["connected"]:
            time.sleep(0.01)
        return self

    def write(self, pipeline):
        """Writes the configuration; a server that runs takes it with `reload`."""
        with open(self.config, "w") as file:
            file.write(f"server: {{ port: 0 }}\nstorage: {{ path: '{self.folder}/sluice.db' }}\n{pipeline}")

    def reload(self):
        status, answer = self.http("POST", "/api/config/reload")
        assert status == 200, answer
        return answer

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=60)

    def command(self, *arguments, input=""):
        return subprocess.run(
            [BINARY, *arguments, "--config", self.config], capture_output=True, text=True, env=self.env, input=input)

    def http(self, method, path, body=None):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.address + path, data=data, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    @property
    def socket(self):
        return self.address.replace("http", "ws", 1) + "/ws"
