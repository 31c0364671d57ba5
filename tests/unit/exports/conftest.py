"""A store of several shards whose exports are made by threads, which see what a test patches."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

import pytest

from tailrace.accounts.lookup import scope_of_app
from tailrace.accounts.provisioning import read_provisioning
from tailrace.config import SETTINGS_FILE
from tailrace.wiring import initialise, open_house, provision
from tests.conftest import PROVISIONING
from tests.sending import Row, in_threads
from tests.unit.exports.histories import Store, Told, history

Histories = Callable[[int, int], tuple[Path, list[Row]]]


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


@contextmanager
def a_copy(data: Path, place: Path) -> Iterator[Store]:
    """A copy of a data directory, opened."""
    with open_house(shutil.copytree(data, place)) as opened:
        yield Store(in_threads(opened), scope_of_app(opened.database, "app_waves"))


@pytest.fixture
def store(tmp_path: Path, wide: Path) -> Iterator[Store]:
    """A copy of it, on the embedded database."""
    with a_copy(wide, tmp_path / "wide") as copied:
        yield copied


@pytest.fixture(scope="session")
def histories(tmp_path_factory: pytest.TempPathFactory, wide: Path) -> Histories:
    """Data directories with a history, by its seed and size, and what was sent; to be copied, too.

    To seal a history takes as long as some ten exports of it.
    """

    @cache
    def made(seed: int, size: int) -> tuple[Path, list[Row]]:
        data = tmp_path_factory.mktemp("told") / "data"
        with a_copy(wide, data) as copied:
            history(copied, seed, size)
        return data, copied.sent

    return made


@pytest.fixture
def told(tmp_path: Path, histories: Histories) -> Iterator[Told]:
    """Opens stores with a history. Call it before anything is patched: other tests get a copy of the same."""
    with ExitStack() as held:

        def tell(seed: int = 1, size: int = 40) -> Store:
            data, sent = histories(seed, size)
            copied = held.enter_context(a_copy(data, tmp_path / f"told-{seed}-{size}"))
            copied.sent.extend(sent)
            return copied

        yield tell
