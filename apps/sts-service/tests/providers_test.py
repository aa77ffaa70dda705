# SPDX-License-Identifier: GPL-3.0-or-later
"""A provider over real sockets: it serves, then fails, and the next engine of the chain takes its place."""
import http.server
import json
import math
import pathlib
import struct
import threading

import pytest

from sts_client import pcm_of

KEY = "a-key-that-nobody-shall-see"
TONE = struct.pack("<48000h", *(int(8000 * math.sin(i / 9)) for i in range(48000)))


class LibreTranslate(http.server.BaseHTTPRequestHandler):
    """What LibreTranslate answers; a provider that is told to fail says when to come back."""
    protocol_version = "HTTP/1.1"

    def answer(self, status, body, **headers):
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.answer(200, [{"code": "en", "name": "English", "targets": ["en", "es"]}])

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(asked)
        if self.server.fails:
            self.answer(429, {"error": "Slowdown"}, **{"Retry-After": "60"})
        else:
            self.answer(200, {"translatedText": "Buenas noches a todos."})

    def log_message(self, *_):
        pass


@pytest.fixture
def provider():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), LibreTranslate)
    server.asked, server.fails, server.daemon_threads = [], False, True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_next_engine_serves(start_sts, connect, provider, tmp_path):
    secret = tmp_path / "key"
    secret.write_text(KEY + "\n", encoding="utf-8")
    service = start_sts("--asr-engine", "mock", "--asr-model", "text=good evening everybody", "--tts-engine", "mock",
                        "--translation-engine", "libretranslate,identity",
                        LIBRETRANSLATE_URL=f"http://127.0.0.1:{provider.server_port}", LIBRETRANSLATE_API_KEY_FILE=str(secret))
    worker = connect(service)
    worker.init()
    answers = []
    for number in range(4):
        provider.fails = number > 0
        worker.send(number, TONE)
        answers.append(worker.wait_for("fragment:processed", number + 1))
    assert [answer["status"] for answer in answers] == ["success"] * 4
    assert [answer["metadata"]["translation_model"] for answer in answers] == ["libretranslate"] + ["identity none"] * 3
    assert [answer["translated_text"] for answer in answers] == ["Buenas noches a todos."] + ["Good evening everybody."] * 3
    assert all(max(pcm_of(answer)) > 0 for answer in answers)
    # The warm-up at stream:init was none of the provider's business.
    assert {asked["q"] for asked in provider.asked} == {"Good evening everybody."}
    # Told to come back in a minute, it is not asked again before.
    assert len(provider.asked) == 2 and provider.asked[0]["api_key"] == KEY
    metrics = service.get("/metrics")
    calls = 'sts_engine_calls_total{stage="translation",engine="%s",result="%s"}'
    assert calls % ("identity", "served") + " 3" in metrics
    assert calls % ("libretranslate", "failed") + " 2" in metrics
    assert calls % ("libretranslate", "avoided") + " 1" in metrics
    states = {engine["name"]: engine["state"] for engine in json.loads(service.get("/api/v1/engines"))["stages"]["translation"]}
    assert states["libretranslate"] == states["identity"] == "active"
    process = pathlib.Path(f"/proc/{service.process.pid}")
    for shown in (metrics, service.get("/api/v1/engines"), (process / "cmdline").read_text(encoding="utf-8"),
                  (process / "environ").read_text(encoding="utf-8")):
        assert KEY not in shown


@pytest.mark.parametrize("heard, status", [("en", "success"), ("it", "failed")])
def test_a_stream_whose_language_is_found_out(start_sts, connect, provider, heard, status):
    service = start_sts("--asr-engine", "mock", "--asr-model", f"text=good evening everybody;language={heard}",
                        "--tts-engine", "mock", "--translation-engine", "libretranslate",
                        LIBRETRANSLATE_URL=f"http://127.0.0.1:{provider.server_port}")
    worker = connect(service)
    worker.init(source="und")
    worker.send(0, TONE)
    answer = worker.wait_for("fragment:processed")
    assert answer["status"] == status
    if status == "success":
        assert answer["translated_text"] == "Buenas noches a todos." and provider.asked[0]["source"] == "en"
    else:
        assert answer["error"]["code"] == "UNSUPPORTED_LANGUAGE_PAIR"
        assert 'from "it" to "es"; supported: en-es' in answer["error"]["message"]
