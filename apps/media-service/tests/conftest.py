# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of this folder are given."""
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from service_support import FakeServer, Service  # noqa: E402


@pytest.fixture
def folder():
    """A short path: the control sockets have to fit into it."""
    path = tempfile.mkdtemp(prefix="dub-", dir="/tmp")
    yield Path(path)
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def start_service(folder):
    started = []

    def start(**variables):
        service = Service(folder, **variables)
        started.append(service)
        return service

    yield start
    for service in started:
        service.close()


@pytest.fixture
def service(start_service):
    return start_service()


@pytest.fixture
def fake_server():
    servers = []

    def make(answer):
        servers.append(FakeServer(answer))
        return servers[-1]

    yield make
    for server in servers:
        server.close()
