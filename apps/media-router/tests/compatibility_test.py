"""The README's table of what is like MediaMTX and what is different, and the differences that show at the HTTP ports only."""
import base64
import json
import pathlib
import re
import ssl
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import pytest

FOLDER = pathlib.Path(__file__).resolve().parents[1]


def rows():
    """[what, like or different, tests] of the table."""
    section = (FOLDER / "README.md").read_text().split("## Like MediaMTX, and different")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0][:40])
def test_each_row_of_the_table_is_tested(row):
    assert len(row) == 3 and row[1], row
    named = re.findall(r"`([^`:]+): ([^`]+)`", row[2])
    assert named, "no test is named"
    for file, test in named:
        text = (FOLDER / file).read_text()
        assert f'"{test}"' in text or f'/{test}"' in text or f"def {test}(" in text, f"{file} has no {test}"


def test_each_key_of_the_table_of_keys_is_in_the_readme():
    known = re.findall(r'^ +\{"(\w+)", KEY_', (FOLDER / "config_keys.c").read_text(), re.MULTILINE)
    text = (FOLDER / "README.md").read_text().split("Known keys:")[1].split("\n\n")[0]
    assert len(known) > 20 and [key for key in known if f"`{key}`" not in text] == []


def ask(router, path, method="GET", port="api", **headers):
    """(status, JSON or text)"""
    request = urllib.request.Request(f"http://127.0.0.1:{router.ports[port]}{path}", method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            status, text = answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read().decode()
    return status, json.loads(text) if text.startswith("{") else text


@pytest.mark.parametrize("path", ["/v3/recordings/list", "/v3/hlsmuxers/list", "/v3/webrtcsessions/list", "/v3/srtconns/list",
                                  "/v3/auth/jwks/refresh", "/v3/", "/"])
def test_what_the_api_does_not_have(router, path):
    status, body = ask(router, path)
    assert status == 404 and body["status"] == "error" and body["error"]


def test_the_configuration_as_it_counts(make_router):
    text = ("readTimeout: 90s\nauthInternalUsers:\n- {user: any, permissions: [{action: api}]}\n- {user: anna, pass: s3cret}\n"
            "pathDefaults: {maxReaders: 7}\npaths: {'~^live/(.+)$': {runOnReady: tell me}, all: {maxReaders: 2}}\n")
    router = make_router(text, {"MTX_WRITETIMEOUT": "1h"})
    status, everything = ask(router, "/v3/config/global/get")
    assert (status, everything["readTimeout"], everything["writeTimeout"]) == (200, "1m30s", "1h0m0s")
    assert everything["rtmpAddress"] == "127.0.0.1:0", "a flag wins over the file"
    assert "s3cret" not in json.dumps(everything)
    assert ask(router, "/v3/config/pathdefaults/get")[1]["maxReaders"] == 7
    entries = {item["name"]: item for item in ask(router, "/v3/config/paths/list")[1]["items"]}
    assert {name: item["maxReaders"] for name, item in entries.items()} == {"all_others": 2, "~^live/(.+)$": 7}
    assert ask(router, "/v3/config/paths/get/" + urllib.parse.quote("~^live/(.+)$", safe=""))[1]["runOnReady"] == "tell me"
    for method, path in (("PATCH", "global/patch"), ("POST", "paths/add/x"), ("DELETE", "paths/delete/all_others")):
        assert ask(router, "/v3/config/" + path, method)[0] == 404


def test_api_and_metrics_over_tls(make_router, certificate):
    text = "".join(f"{server}Encryption: yes\n{server}ServerCert: {certificate}/server.crt\n{server}ServerKey: {certificate}/server.key\n"
                   for server in ("api", "metrics"))
    router = make_router(text)
    trust = ssl.create_default_context(cafile=certificate / "server.crt")
    for path, port in (("/v3/info", "api"), ("/metrics", "metrics")):
        with urllib.request.urlopen(f"https://localhost:{router.ports[port]}{path}", timeout=10, context=trust) as answer:
            assert answer.status == 200 and answer.read()
        with pytest.raises(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{router.ports[port]}{path}", timeout=10)


def test_a_certificate_that_is_not_there_is_named(program, tmp_path):
    (tmp_path / "router.yml").write_text(f"apiEncryption: yes\napiServerCert: {tmp_path}/no.crt\n")
    options = [f"--{name}-address=127.0.0.1:0" for name in ("rtmp", "rtsp", "api", "metrics")]
    done = subprocess.run([program("media-router"), "--config", tmp_path / "router.yml", "--log-dir=", *options], check=False,
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 and "no.crt" in done.stderr


def test_kicking_is_for_this_host(router):
    """A request that a proxy passes on comes from elsewhere, whatever address it has."""
    kick = "/v3/rtmpconns/kick/00000000-0000-4000-8000-000000000000"
    assert ask(router, kick, "POST")[0] == 404
    status, body = ask(router, kick, "POST", **{"X-Forwarded-For": "192.0.2.1"})
    assert status == 403 and "loopback" in body["error"]


def test_wrong_passwords_are_in_the_log_and_asking_without_one_is_not(make_router):
    router = make_router("authInternalUsers:\n- user: admin\n  pass: s3cret\n  permissions: [{action: api}]\n")
    assert ask(router, "/v3/info")[0] == 401
    for number in range(30):
        assert ask(router, "/v3/info", Authorization="Basic " + base64.b64encode(f"admin:{number}".encode()).decode())[0] == 401
    assert ask(router, "/v3/info", Authorization="Basic " + base64.b64encode(b"admin:s3cret").decode())[0] == 200
    router.wait_log("GET /v3/info from 127.0.0.1: ")
    assert 1 <= router.log().count("GET /v3/info from") <= 20, "a flood of guesses does not fill the disk"


def test_metrics_without_paths(router):
    status, text = ask(router, "/metrics", port="metrics")
    lines = text.splitlines()
    assert status == 200 and "# TYPE paths gauge" in lines and any(line.startswith("# HELP paths ") for line in lines)
    assert [line for line in lines if line.startswith("paths")] == []
    assert ask(router, "/metrics?type=paths", port="metrics") == (200, text)


def test_a_changed_file_counts_at_the_next_start(make_router):
    router = make_router("paths: {only/this: {}}")
    file = router.log_path.parent / "router.yml"
    file.write_text("paths: {something/else: {}}")
    assert [path["name"] for path in ask(router, "/v3/paths/list")[1]["items"]] == ["only/this"]
