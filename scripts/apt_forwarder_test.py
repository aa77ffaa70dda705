"""The forwarder between a build and a mirror of Debian."""
import http.server
import pathlib
import sys
import threading
import urllib.error
import urllib.request

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from apt_forwarder import forward, forwarded                                                          # noqa: E402

MIRRORS = {"debian": "http://mirror.example/pub/debian", "debian-security": "https://mirror.example/sec"}


@pytest.mark.parametrize("public,there", [
    ("http://deb.debian.org/debian/dists/forky/InRelease", "http://mirror.example/pub/debian/dists/forky/InRelease"),
    ("http://deb.debian.org/debian-security/x", "https://mirror.example/sec/x"),
    ("http://deb.debian.org/other/x", None),
    ("http://deb.debian.org.example/debian/x", None),
    ("http://elsewhere.example/debian/x", None),
    ("/debian/x", None),
])
def test_only_the_archives_are_forwarded(public, there):
    assert forwarded(public, MIRRORS) == there


class Mirror(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path != "/files/debian/dists/x":
            self.send_error(404)
            return
        body = (self.headers["Range"] or "whole").encode()
        self.send_response(206 if self.headers["Range"] else 200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Last-Modified", "Sat, 01 Jan 2022 00:00:00 GMT")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def ask():
    mirror = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    threading.Thread(target=mirror.serve_forever, daemon=True).start()
    with forward({"debian": f"http://127.0.0.1:{mirror.server_port}/files/debian", "gone": "http://127.0.0.1:1"}, {}) as proxy:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": proxy}))
        yield lambda url, **headers: opener.open(urllib.request.Request(url, headers=headers), timeout=30)
    mirror.shutdown()
    mirror.server_close()


def test_files_come_from_the_mirror(ask):
    with ask("http://deb.debian.org/debian/dists/x") as answer:
        assert answer.read() == b"whole" and answer.headers["Last-Modified"] == "Sat, 01 Jan 2022 00:00:00 GMT"
    with ask("http://deb.debian.org/debian/dists/x", Range="bytes=1-") as answer:
        assert answer.status == 206 and answer.read() == b"bytes=1-"


@pytest.mark.parametrize("url,status", [("http://deb.debian.org/debian/dists/none", 404), ("http://deb.debian.org/gone/x", 502),
                                        ("http://elsewhere.example/debian/x", 403)])
def test_what_is_not_there_is_told(ask, url, status):
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask(url)
    assert caught.value.code == status
