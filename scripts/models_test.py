"""Fetching models from a server that is interrupted, lies, or cannot begin in the middle."""
import hashlib
import http.server
import pathlib
import sys
import threading

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import models                                                                                        # noqa: E402

CONTENT = bytes(range(256)) * 40


class Server:
    """Serves CONTENT; `behaviour` says how."""

    def __init__(self):
        self.behaviour, self.ranges, self.content = "good", [], CONTENT
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answer(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, request):
        start = int((request.headers.get("Range") or "bytes=0-")[6:-1])
        self.ranges.append(start)
        if self.behaviour == "absent":
            request.send_error(404)
            return
        if self.behaviour == "no-ranges":
            start = 0
        request.send_response(206 if start else 200)
        request.end_headers()
        if self.behaviour == "cuts-once":
            self.behaviour = "good"
            request.wfile.write(self.content[start:start + 1000])
        else:
            request.wfile.write(self.content[start:])

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(models.time, "sleep", lambda _: None)
    serving = Server()
    yield serving
    serving.close()


@pytest.fixture
def model(server, tmp_path):
    return {"name": "one", "path": str(tmp_path / "cache" / "one.bin"), "size_bytes": len(CONTENT), "languages": "en es",
            "sha256": hashlib.sha256(CONTENT).hexdigest(), "device": "cpu", "licence": "MIT",
            "address": f"http://127.0.0.1:{server.server.server_port}/one.bin"}


def files(model):
    return sorted(path.name for path in pathlib.Path(model["path"]).parent.glob("*"))


def test_it_is_fetched_once(server, model, capsys):
    models.fetch(model)
    assert pathlib.Path(model["path"]).read_bytes() == CONTENT and files(model) == ["one.bin"]
    models.fetch(model)
    assert len(server.ranges) == 1 and "is there" in capsys.readouterr().out


def test_an_interruption_is_gone_on_from(server, model):
    server.behaviour = "cuts-once"
    models.fetch(model)
    assert server.ranges == [0, 1000] and pathlib.Path(model["path"]).read_bytes() == CONTENT


def test_a_part_of_an_earlier_run_is_gone_on_from(server, model):
    part = pathlib.Path(model["path"] + ".part")
    part.parent.mkdir()
    part.write_bytes(CONTENT[:5000])
    models.fetch(model)
    assert server.ranges == [5000] and pathlib.Path(model["path"]).read_bytes() == CONTENT


def test_a_server_without_ranges_begins_anew(server, model):
    part = pathlib.Path(model["path"] + ".part")
    part.parent.mkdir()
    part.write_bytes(b"x" * 5000)
    server.behaviour = "no-ranges"
    models.fetch(model)
    assert pathlib.Path(model["path"]).read_bytes() == CONTENT


@pytest.mark.parametrize("content, word", [(CONTENT[:-1] + b"x", "another checksum"), (CONTENT + b"x", "longer than"),
                                           (CONTENT[:-1], "run this again")])
def test_another_file_is_not_used(server, model, content, word):
    server.content = content
    with pytest.raises(models.Refused, match=word):
        models.fetch(model)
    assert "one.bin" not in files(model)


def test_a_spoilt_file_is_replaced(server, model):
    path = pathlib.Path(model["path"])
    path.parent.mkdir()
    path.write_bytes(b"x" * len(CONTENT))
    models.fetch(model)
    assert path.read_bytes() == CONTENT


def test_what_is_not_there_is_asked_for_once(server, model):
    server.behaviour = "absent"
    with pytest.raises(models.Refused, match="404"):
        models.fetch(model)
    assert len(server.ranges) == 1


def test_no_checksum_no_download(server, model):
    with pytest.raises(models.Refused, match="by hand"):
        models.fetch({**model, "sha256": None})
    assert server.ranges == []


def test_which_are_wanted(model):
    all_models = [model, {**model, "name": "two", "languages": "*", "device": "any"}, {**model, "name": "three", "device": "cuda"},
                  {**model, "name": "four", "languages": "de"}]

    def names(*arguments):
        return [found["name"] for found in models.wanted(all_models, *arguments)]
    assert names(["es"], "cpu", []) == ["one", "two"]
    assert names(["de"], "cuda", []) == ["two"]
    assert names([], "cpu", ["three"]) == ["three"]
    with pytest.raises(models.Refused, match="five"):
        names([], "cpu", ["five"])
