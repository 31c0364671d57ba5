"""A store of several shards whose exports are made by threads, which see what a test patches."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tailrace.accounts.lookup import scope_of_app
from tailrace.accounts.provisioning import read_provisioning
from tailrace.config import SETTINGS_FILE
from tailrace.wiring import initialise, open_house, provision
from tests.conftest import PROVISIONING
from tests.sending import in_threads
from tests.unit.exports.histories import Store


@pytest.fixture(scope="session")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of such a store, made once to be copied: an app of four shards, no cache of parts."""
    data = tmp_path_factory.mktemp("wide") / "data"
    data.mkdir()
    (data / SETTINGS_FILE).write_text("shard_bits = 2\n[exports]\ncache_bytes = 0\n")
    wanted = data.with_name("wanted.toml")
    wanted.write_text(PROVISIONING)
    initialise(data)
    with open_house(data) as house:
        provision(house, read_provisioning(wanted))
    return data


@pytest.fixture
def store(tmp_path: Path, wide: Path) -> Iterator[Store]:
    """A copy of it, on the embedded database."""
    data = shutil.copytree(wide, tmp_path / "wide")
    with open_house(data) as opened:
        yield Store(in_threads(opened), scope_of_app(opened.database, "app_waves"))
