# SPDX-License-Identifier: GPL-3.0-or-later
"""The forwarder and the servers of others. What they record must be what was published, bit for bit."""
import os
import shutil

import pytest

from conftest import wait_for
from support.processes import free_ports
from support.rtmp_raw import flv_parse

AUDIO, VIDEO = 8, 9
PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
RTMP_MODULE = "/usr/lib/nginx/modules/ngx_rtmp_module.so"
NGINX_CONF = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr info;
load_module {module};
events {{ worker_connections 64; }}
rtmp {{
  access_log off;
  server {{
    listen 127.0.0.1:{port};
    application app {{ live on; record all; record_path {folder}; record_suffix .flv; }}
  }}
}}
"""


def listens(port):
    """Without connecting: some take one connection only."""
    with open("/proc/net/tcp") as table:
        return any(line.split()[1] == f"0100007F:{port:04X}" and line.split()[3] == "0A" for line in table)


def start_peer(make):
    """make(port) starts the server; another port where that one was taken meanwhile."""
    for _ in range(5):
        port = free_ports(1)[0]
        child = make(port)
        wait_for(lambda: not child.running() or listens(port), "the peer listens")
        if child.running():
            return child, f"rtmp://127.0.0.1:{port}/app/s3cretkey"
    raise AssertionError(f"the peer does not start: {child.tail()}")


def recorded(path, kind):
    """The bodies of the sounds or pictures that are there so far, without codec headers and marks of the end."""
    data = path.read_bytes() if path.exists() else b""
    return [tag.body for tag in flv_parse(data) if tag.kind == kind and tag.body[1:2] == b"\1"]


def assert_recorded(path, sent, kinds):
    for kind in kinds:
        bodies = recorded(path, kind)
        start = sent[kind].index(bodies[0])
        assert bodies == sent[kind][start:start + len(bodies)]


def run_against(forward, publish, make, path):
    """The forwarder's log, once a second of pictures has been recorded and everything has ended."""
    peer, url = start_peer(make)
    publish()
    forwarder = forward(url)
    wait_for(lambda: len(recorded(path, VIDEO)) > 50, "pictures that the peer records",
             lambda: forwarder.child.running() and peer.running())
    assert forwarder.wait_status(lambda s: s["output"]["connected"], "connected")["output"]["reconnects"] == 0
    assert forwarder.child.stop() == 0
    peer.stop()
    return forwarder.log()


def test_nginx(forward, publish, children, tmp_path, sent):
    nginx = shutil.which("nginx", path=PATH)
    if not nginx or not os.path.exists(RTMP_MODULE):
        pytest.skip("nginx with its RTMP module is not installed: make media-setup")

    def start(port):
        conf = tmp_path / "nginx.conf"
        conf.write_text(NGINX_CONF.format(folder=tmp_path, module=RTMP_MODULE, port=port))
        return children("nginx", nginx, "-p", tmp_path, "-c", conf)
    log = run_against(forward, publish, start, tmp_path / "s3cretkey.flv")
    assert_recorded(tmp_path / "s3cretkey.flv", sent, (AUDIO, VIDEO))
    assert '"error"' not in log


def test_ffmpeg(forward, publish, children, tmp_path, sent):
    """It answers commands that nobody waits for."""
    path = tmp_path / "recorded.flv"

    def start(port):
        return children("peer", "ffmpeg", "-v", "error", "-y", "-f", "flv", "-listen", "1", "-i",
                        f"rtmp://127.0.0.1:{port}/app/s3cretkey", "-c", "copy", "-flush_packets", "1", path)
    log = run_against(forward, publish, start, path)
    assert_recorded(path, sent, (AUDIO, VIDEO))
    assert '"error"' not in log
