#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publishes one clip to many RTMP paths at once, in real time and for little CPU: what ffmpeg takes for 40 streams
would not leave the machine to what is measured.

All streams send the same packets, out of phase, over and over; only their times differ. Each packet is one chunk. At
the end of its input it prints how late packets went out, as JSON: a publisher that stalls is not its readers' fault.
"""
import argparse
import heapq
import json
import struct
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from support.rtmp_raw import RawPublisher, Tag, flv_tags  # noqa: E402

CHUNK_BYTES = 1 << 20
SET_CHUNK_SIZE = 1
TICK_S = 0.005
AUDIO, VIDEO = 8, 9


def message(chunk_stream, kind, time_ms, stream, body):
    """Header of a message that fits into one chunk."""
    return (bytes([chunk_stream]) + time_ms.to_bytes(3, "big") + len(body).to_bytes(3, "big") + bytes([kind])
            + struct.pack("<I", stream))


def is_header(tag):
    """Codec configuration and metadata: sent once."""
    return tag.kind not in (AUDIO, VIDEO) or tag.body[1] == 0


def rotated(tags, loop_ms, turn):
    """The clip from its key frame number `turn` on. Its length divides into whole frames of both tracks: its end joins
    its beginning."""
    first_ms = min(tag.time_ms for tag in tags)
    once = [tag for tag in tags if tag.time_ms - first_ms < loop_ms]
    keys = [tag.time_ms for tag in once if tag.kind == VIDEO and tag.body[0] >> 4 == 1]
    begin_ms = keys[turn % len(keys)]
    return sorted((Tag(tag.kind, (tag.time_ms - begin_ms) % loop_ms, tag.body) for tag in once),
                  key=lambda tag: (tag.time_ms, -tag.kind))


class Publisher:
    """One stream. `turn`: where in the clip it begins; `phase_s`: when, so that streams do not send all at once."""

    def __init__(self, port, path, tags, loop_ms, turn, phase_s):
        app, key = path.rsplit("/", 1)
        self.socket = RawPublisher("127.0.0.1", port, app, key).socket
        self.tags = rotated([tag for tag in tags if not is_header(tag)], loop_ms, turn)
        self.loop_ms, self.phase_s = loop_ms, phase_s
        self.next, self.round = 0, 0
        size = struct.pack(">I", CHUNK_BYTES)
        self.socket.sendall(message(2, SET_CHUNK_SIZE, 0, 0, size) + size)
        for tag in filter(is_header, tags):
            self.send(tag, 0)

    def send(self, tag, time_ms):
        head = message({AUDIO: 4, VIDEO: 6}.get(tag.kind, 5), tag.kind, time_ms, 1, tag.body)
        sent = self.socket.sendmsg([head, tag.body])
        if sent < len(head) + len(tag.body):
            self.socket.sendall((head + tag.body)[sent:])

    def due_s(self):
        return self.phase_s + (self.round * self.loop_ms + self.tags[self.next].time_ms) / 1000

    def send_next(self):
        tag = self.tags[self.next]
        self.send(tag, self.round * self.loop_ms + tag.time_ms)
        self.next += 1
        if self.next == len(self.tags):
            self.next, self.round = 0, self.round + 1


def run(publishers, ended):
    """Sends what is due every few ms until the event; the latest that anything was sent, s."""
    begin, latest = time.monotonic(), 0.0
    queue = [(publisher.due_s(), i) for i, publisher in enumerate(publishers)]
    heapq.heapify(queue)
    while not ended.is_set():
        now = time.monotonic() - begin
        while queue[0][0] <= now:
            due, i = queue[0]
            publishers[i].send_next()
            latest = max(latest, time.monotonic() - begin - due)
            heapq.heapreplace(queue, (publishers[i].due_s(), i))
        time.sleep(TICK_S)
    return latest


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True, help="of the RTMP server on this machine")
    parser.add_argument("--loop-ms", type=int, required=True, help="length of the clip")
    parser.add_argument("clip", type=Path)
    parser.add_argument("paths", nargs="+", help="app/key")
    arguments = parser.parse_args()
    tags = list(flv_tags(arguments.clip))
    n = len(arguments.paths)
    with ThreadPoolExecutor(16) as pool:
        publishers = list(pool.map(lambda i: Publisher(arguments.port, arguments.paths[i], tags, arguments.loop_ms, i,
                                                       i / n / 30), range(n)))
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    print(json.dumps({"latestMs": round(run(publishers, ended) * 1000, 1)}))


if __name__ == "__main__":
    main()
