"""Lets a build read Debian's public addresses where a machine has a mirror of its own.

The images name deb.debian.org and nothing else. While they are built, this HTTP proxy on loopback turns those addresses
into the mirror's, so that nothing of the mirror is written into an image: Docker does not record proxy variables.
"""
import contextlib
import http.server
import shutil
import threading
import urllib.error
import urllib.request

PUBLIC = "http://deb.debian.org/"
ASKED = ("Range", "If-Modified-Since", "If-Range", "Cache-Control")
TOLD = ("Content-Length", "Content-Range", "Content-Type", "Last-Modified", "Accept-Ranges")


def forwarded(url, mirrors):
    """The mirror's address of a public one; mirrors: {"debian": its address, "debian-security": ...}. None: not ours."""
    if not url.startswith(PUBLIC):
        return None
    archive, _, rest = url[len(PUBLIC):].partition("/")
    return f"{mirrors[archive]}/{rest}" if archive in mirrors else None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    mirrors = {}
    opener = None

    def do_GET(self):
        url = forwarded(self.path, self.mirrors)
        if not url:
            self.send_error(403, "only the archives of Debian")
            return
        asked = {name: self.headers[name] for name in ASKED if self.headers[name]}
        try:
            answer = self.opener.open(urllib.request.Request(url, headers=asked), timeout=120)
        except urllib.error.HTTPError as error:
            answer = error
        except OSError as error:
            self.send_error(502, f"the mirror cannot be reached: {error}")
            return
        with answer:
            self.hand_on(answer)

    def hand_on(self, answer):
        self.send_response(answer.status)
        for name in TOLD:
            if answer.headers[name]:
                self.send_header(name, answer.headers[name])
        self.send_header("Connection", "close")
        self.close_connection = True
        self.end_headers()
        shutil.copyfileobj(answer, self.wfile)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def forward(mirrors, proxies):
    """Gives the proxy's address while it runs; proxies: those that the machine itself needs, by scheme."""
    handler = type("MirrorHandler", (Handler,), {
        "mirrors": mirrors, "opener": urllib.request.build_opener(urllib.request.ProxyHandler(proxies))})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
