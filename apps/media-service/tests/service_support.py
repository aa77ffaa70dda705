# SPDX-License-Identifier: GPL-3.0-or-later
"""media-service as a process, with a stand-in for the worker, on ports and folders of its own."""
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

DEADLINE_S = 60
OURS = ("ORCH_", "MEDIAMTX_", "MTX_", "WORKER_", "STUB_", "LOG_", "ASSET_", "CAPTURE_", "EGRESS_", "ORCHESTRATOR_URL")


def program(variable, name):
    """Meson names the programs; by hand they are looked for in the build folder."""
    if variable in os.environ:
        return os.environ[variable]
    root = Path(__file__).resolve().parents[3]
    return str(root / os.environ.get("DUB_BUILD_DIR", "build") / "apps" / "media-service" / name)


MEDIA_SERVICE = program("MEDIA_SERVICE", "media-service")
MTX_HOOK = program("MTX_HOOK", "mtx-hook")
STUB_WORKER = program("STUB_WORKER", "stub-worker")


def wait_for(condition, what, deadline_s=DEADLINE_S, tell=lambda: ""):
    """Polls a condition; its value once it is true. What `tell` finds out is part of the failure's message."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {deadline_s} s: {what} {tell()}")


def clean_environment(**variables):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return {**inherited, **{name: str(value) for name, value in variables.items()}}


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def workers_of(folder):
    """The pids of the workers that serve a state directory in the folder."""
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit() and serves(entry, folder) and alive(entry)]


def serves(pid, folder):
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return STUB_WORKER.encode() in command and f"ORCH_STATE_DIR={folder}/".encode() in environment


def environment_of(pid):
    """The variables of a process by name."""
    pairs = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return dict(pair.decode(errors="replace").split("=", 1) for pair in pairs if b"=" in pair)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


def http(method, url, body=None, key=None, timeout=DEADLINE_S):
    data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method)
    if key:
        request.add_header("Authorization", f"Bearer {key}")
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.headers, error.read())


class Service:
    """A running media-service."""

    def __init__(self, folder, **variables):
        self.folder = Path(folder)
        self.log = self.folder / "service.log"
        self.variables = {"ORCH_HTTP_ADDR": "127.0.0.1:0", "ORCH_WORKER_COMMAND": STUB_WORKER,
                          "ORCH_STATE_DIR": self.folder / "state", "ORCH_STREAMS_DIR": self.folder / "streams.d",
                          "ASSET_STORE_ROOT": self.folder / "runs", "MEDIAMTX_API_URL": "http://127.0.0.1:9",
                          "LOG_FORMAT": "json", "LOG_DIR": "", "LOG_LEVEL": "debug", **variables}
        self.pids = set()
        self.start()

    def start(self, **variables):
        self.variables.update(variables)
        offset = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([MEDIA_SERVICE], env=clean_environment(**self.variables),
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        match = wait_for(lambda: self.process.poll() is not None or
                         re.search(rb"listening on (?:127\.0\.0\.1|0\.0\.0\.0):(\d+)", self.log.read_bytes()[offset:]), "listening")
        assert match is not True, self.log.read_text()
        self.url = f"http://127.0.0.1:{int(match.group(1))}"

    def get(self, path):
        return http("GET", self.url + path)

    def call(self, method, path, body=None, key=None):
        return http(method, self.url + path, body, key)

    def hook(self, event, stream="demo", query="", source="s1", key=None):
        return self.call("POST", f"/v1/mediamtx/events/{event}",
                         {"path": f"live/{stream}/in", "query": query, "sourceType": "rtmpConn", "sourceId": source}, key)

    def stream(self, stream="demo"):
        answer = self.get(f"/api/v1/streams/{stream}")
        found = answer.json if answer.status == 200 else {}
        if "workerPid" in found:
            self.pids.add(found["workerPid"])
        return found

    def wait_state(self, state, stream="demo"):
        def reached():
            found = self.stream(stream)
            return found if found.get("state") == state else None
        return wait_for(reached, f"{stream} is {state}")

    def messages(self):
        return self.log.read_text(errors="replace")

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(DEADLINE_S)

    def close(self):
        try:
            self.stop()
        except subprocess.TimeoutExpired:
            self.stop(signal.SIGKILL)
            raise
        finally:
            for pid in workers_of(self.folder):
                os.kill(pid, signal.SIGKILL)


class Listener:
    """A client of GET /api/v1/events on a plain socket, so that it can be as ill-behaved as a test needs."""

    def __init__(self, url, address="127.0.0.1", last_id=None, method="GET"):
        target = urllib.parse.urlsplit(url)
        self.received = b""
        self.socket = socket.create_connection((target.hostname, target.port), timeout=DEADLINE_S,
                                               source_address=(address, 0))
        header = f"Last-Event-ID: {last_id}\r\n" if last_id else ""
        self.socket.sendall(f"{method} /api/v1/events HTTP/1.1\r\nHost: x\r\n{header}\r\n".encode())

    def read_until(self, text, deadline_s=DEADLINE_S):
        end = time.monotonic() + deadline_s
        searched = 0
        while text not in self.received[searched:]:
            searched = max(0, len(self.received) - len(text))
            assert time.monotonic() < end, f"{text} has not come"
            chunk = self.socket.recv(1 << 16)
            assert chunk, f"closed before {text}: {self.received[-2000:]}"
            self.received += chunk

    def events(self):
        """(id, name) of all that came so far."""
        return [(number.decode(), name.decode())
                for number, name in re.findall(rb"id: (\S+)\nevent: (\w+)\n", self.received)]

    def close(self):
        self.socket.close()


class FakeServer:
    """An HTTP server whose answers a test decides: answer(method, path, body) -> (status, bytes)."""

    def __init__(self, answer):
        self.requests = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                owner.requests.append((self.command, self.path, body, dict(self.headers)))
                status, answered = answer(self.command, self.path, body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(answered)))
                self.end_headers()
                self.wfile.write(answered)

            do_GET = do_POST = handle_any

            def log_message(self, *_arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
