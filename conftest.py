"""Options that every Python test shares."""
import os
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parent
# What the tests bring up are the programs of the build folder, also where their images could run; deploy/tests has those.
os.environ["STACK"] = "native"


def pytest_addoption(parser):
    parser.addoption("--build-dir", default=os.environ.get("DUB_BUILD_DIR", "build"),
                     help="the Meson build folder whose programs are tested")
    parser.addoption("--slow", action="store_true", help="run the tests marked slow too")


def pytest_collection_modifyitems(config, items):
    """Leaves slow tests out (deselected, so that they are not counted as skipped) unless asked for."""
    if config.getoption("--slow"):
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if not item.get_closest_marker("slow")]


@pytest.fixture(scope="session")
def build_dir(pytestconfig):
    path = (ROOT / pytestconfig.getoption("--build-dir")).resolve()
    if not (path / "build.ninja").exists():
        pytest.fail(f"{path} is not a build folder: run make build first")
    return path


@pytest.fixture(scope="session")
def program(build_dir):
    """Finds a built program by name: program("media-router")."""
    def find(name):
        hits = [p for p in build_dir.rglob(name) if p.is_file() and os.access(p, os.X_OK)]
        assert hits, f"{name} is not built in {build_dir}"
        return hits[0]
    return find
