# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures that start an sts-service on a free port and speak to it with the reference client."""
import pytest

from sts_client import Service, Worker
from sts_raw import Witness


@pytest.fixture
def start_sts(program):
    """start_sts("--mode", "echo", STS_API_KEY="k") -> a running Service; stopped after the test."""
    services = []

    def start(*arguments, **environment):
        service = Service(program("sts-service"), arguments, environment)
        services.append(service)
        return service.wait_until_listening()

    yield start
    for service in services:
        service.stop()


@pytest.fixture
def echo(start_sts):
    return start_sts("--mode", "echo")


@pytest.fixture
def connect():
    """connect(service, stream="news") -> a connected Worker."""
    workers = []

    def make(service, **options):
        worker = Worker(service.url, **options)
        workers.append(worker)
        return worker

    yield make
    for worker in workers:
        worker.close()


@pytest.fixture
def witness():
    """witness(service, token=None): a stream that goes on all the while; that it did is checked at the end of the test."""
    running = []

    def start(service, token=None):
        running.append(Witness(service, token=token))
        return running[-1]

    yield start
    for one in running:
        one.stop()
