"""Fixtures of the helpers' own tests: one small sample for all of them."""

import pytest

from support import sample


@pytest.fixture(scope="session")
def small_sample(tmp_path_factory):
    recipe = sample.Recipe(duration=24.0, width=320, height=180, first_speech=3.0,
                           sentences=tuple(sample.SENTENCES[index] for index in (0, 3, 5, 7)), pauses=(2.0, 2.6, 2.2))
    return sample.make_sample(tmp_path_factory.mktemp("sample") / "sample.mp4", recipe)
