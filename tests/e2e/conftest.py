"""Fixtures of the end-to-end tests: a stack of one's own on free ports, small samples made once a session."""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from support import sample, stack  # noqa: E402  (needs the path above)


def pytest_collection_modifyitems(items):
    """Names those that a router started elsewhere cannot serve."""
    if os.environ.get("MEDIA_ROUTER") != "external":
        return
    for item in items:
        if item.get_closest_marker("own_router"):
            item.add_marker(pytest.mark.skip(reason="MEDIA_ROUTER=external: this test restarts the router, or looks into ours"))


@pytest.fixture(scope="session")
def samples_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("samples")


@pytest.fixture(scope="session")
def short_sample(samples_folder):
    """A few seconds without speech, for what has nothing to do with dubbing."""
    recipe = sample.Recipe(duration=8.0, width=320, height=180, sentences=(), pauses=())
    return sample.make_sample(samples_folder / "short.mp4", recipe)


@pytest.fixture(scope="session")
def brief_sample(samples_folder):
    """Three sentences in 20 s."""
    recipe = sample.Recipe(duration=20.0, width=320, height=180, first_speech=3.0,
                           sentences=tuple(sample.SENTENCES[index] for index in (0, 1, 7)), pauses=(1.5,))
    return sample.make_sample(samples_folder / "brief.mp4", recipe)


@pytest.fixture(scope="session")
def spoken_sample(samples_folder):
    """28 s with five sentences."""
    recipe = sample.Recipe(duration=28.0, width=640, height=360, sentences=sample.SENTENCES[:5])
    return sample.make_sample(samples_folder / "spoken.mp4", recipe)


@pytest.fixture(scope="session")
def long_sample(samples_folder):
    """Eleven sentences in 52 s: time enough for an outage and for what comes after it."""
    recipe = sample.Recipe(duration=52.0, width=640, height=360, sentences=sample.SENTENCES[:11])
    return sample.make_sample(samples_folder / "long.mp4", recipe)


@pytest.fixture
def make_stack(build_dir, tmp_path):
    """Makes stacks with these settings; every one is stopped when the test ends, however it ends."""
    made = []

    def make(**settings):
        layout = stack.Layout(stack.find_programs(build_dir), tmp_path / f"stack{len(made)}",
                              settings={name: str(value) for name, value in settings.items()})
        made.append(stack.Stack(layout))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def router(build_dir, tmp_path):
    """The router alone, its hooks without a listener behind them."""
    programs = stack.find_programs(build_dir, ("media-router",))
    layout = stack.Layout({**programs, "mtx-hook": pathlib.Path("/bin/true"), "media-worker": pathlib.Path("/bin/true")},
                          tmp_path / "router")
    with stack.Stack(layout) as alone:
        yield alone.start("media-router")
