#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker that does on its control socket what the name of its stream says; any other name is the stand-in's."""
import json
import os
import socket
import sys
import threading

NAME = os.environ["WORKER_STREAM_ID"]


def line(**message):
    return json.dumps(message).encode() + b"\n"


def hello(stream=NAME):
    return line(type="hello", streamId=stream, runId=os.environ["RUN_ID"], instanceId="i", pid=os.getpid(), version="9")


STATUS = {"type": "status", "state": "running", "uptimeMs": 1, "sourceLang": "en", "targetLang": "es", "latencyMs": 3000,
          "input": {"url": "rtmp://far.example/app/s3cret", "connected": True}, "output": {"url": "", "connected": True},
          "sts": {"mode": "enabled", "connected": True, "breaker": "closed", "rtt": {"counts": [0] * 9, "sumMs": 0}}}


def phrase(seq):
    return line(type="phrase", phrase={"seq": seq, "startMs": 0, "endMs": 1, "state": "dubbed", "transcript": "x" * 200})


def flood(client):
    client.sendall(hello() + line(**STATUS))
    for seq in range(1, 1 << 40):
        client.sendall(phrase(seq) + line(**STATUS))


# What is said on each connection, after which it stays open and silent.
TALKS = {
    "lies-json": lambda: hello() + line(**STATUS) + b'{"type":"status",]\n',
    "lies-stream": lambda: hello("demo") + line(**STATUS),
    "lies-first": lambda: line(**STATUS),
    "lies-nan": lambda: hello() + line(**STATUS) + line(**{**STATUS, "avSyncDeltaMs": float("nan")}),
    "lies-huge": lambda: hello() + line(**STATUS) + line(**{**STATUS, "uptimeMs": 10 ** 40}),
    "lies-seq": lambda: hello() + line(**STATUS) + phrase(2 ** 63 - 1) + phrase(7),
    "lies-version": lambda: hello() + line(type="weather", sun=True) + line(**STATUS, mood="merry"),
    "lies-line": lambda: hello() + line(**STATUS) + b"x" * (300 * 1024),
    "lies-half": lambda: hello() + line(**STATUS) + b'{"type":"sta',
    "lies-closes": lambda: None,
}


def serve(client):
    try:
        if NAME == "lies-flood":
            flood(client)
        talk = TALKS[NAME]()
        if talk is not None:
            client.sendall(talk)
            while client.recv(4096):
                pass
    except OSError:
        pass
    client.close()


def main():
    if not NAME.startswith("lies-"):
        os.execv(sys.argv[1], sys.argv[1:])
    path = f"{os.environ['ORCH_STATE_DIR']}/workers/{NAME}.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        while True:
            threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()


main()
