"""What several tests of a deployment need once per run."""
import pytest

import deb_packages
import live


@pytest.fixture(scope="session")
def packages(tmp_path_factory):
    """The folder of the Debian packages of HEAD."""
    return deb_packages.build(tmp_path_factory.mktemp("deb"))


@pytest.fixture(scope="session")
def newer(packages, tmp_path_factory):
    """The same with the version deb_packages.NEWER."""
    return deb_packages.with_version(packages, tmp_path_factory.mktemp("newer") / "deb", deb_packages.NEWER)


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    """What is published: three English sentences."""
    return live.make_clip(tmp_path_factory.mktemp("clip"))
