"""A store of several shards whose exports are made by threads, which see what a test patches."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tailrace.accounts.lookup import scope_of_app
from tailrace.wiring import initialise, open_house, provision
from tests import conftest
from tests.sending import in_threads
from tests.unit.exports.histories import Store


@pytest.fixture
def store(tmp_path: Path, provisioning: Path) -> Iterator[Store]:
    """An app of four shards, on the embedded database, without a cache of parts."""
    data = tmp_path / "wide"
    data.mkdir()
    (data / "tailrace.toml").write_text("shard_bits = 2\n[exports]\ncache_bytes = 0\n")
    initialise(data)
    with open_house(data) as opened:
        provision(opened, conftest.wanted(provisioning))
        yield Store(in_threads(opened), scope_of_app(opened.database, "app_waves"))
