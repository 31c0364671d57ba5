"""Worlds for stories: on both pairs of backends, whose servers run as long as the tests do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.backends import EmbeddedStands, RemoteStands, Stands
from tests.crash.clusters import Cluster, new_cluster
from tests.crash.worlds import World
from tests.stores import S3Server


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL that may be stopped."""
    with new_cluster() as found:
        yield found


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Stands:
    """SQLite and local files."""
    return EmbeddedStands(tmp_path_factory.mktemp("embedded"))


@pytest.fixture(scope="session")
def remote(tmp_path_factory: pytest.TempPathFactory, cluster: Cluster, swift: S3Server) -> Stands:
    """PostgreSQL and S3."""
    return RemoteStands(tmp_path_factory.mktemp("remote"), cluster.url, swift)


@pytest.fixture(params=["embedded", "remote"])
def stands(request: pytest.FixtureRequest) -> Stands:
    """Each pair of backends."""
    found: Stands = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def world(tmp_path: Path, stands: Stands) -> Iterator[World]:
    """A world with nothing in it that runs."""
    with World(tmp_path / "world", stands) as made:
        yield made
