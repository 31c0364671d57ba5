"""What many tests stand on: stores on both databases, and a clock that a test can move."""

import gzip
import os
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from httpx._transports import default
from hypothesis import settings
from msgspec.structs import replace

from tailrace.accounts import keys
from tailrace.accounts.lookup import scope_of_app
from tailrace.accounts.provisioning import ProvisioningFile, read_provisioning
from tailrace.db import engine
from tailrace.logs import log
from tailrace.model.access import Scope
from tailrace.wiring import House, open_house
from tests.effort import mark_repetitions
from tests.longest import longest_first
from tests.sending import in_threads
from tests.stores import moto, swift
from tests.templates import Kind, Template, TemplateOf, make_template, postgres_server
from tests.unit.store.history import History, found

__all__ = ["moto", "swift"]  # fixtures

settings.register_profile("untimed", parent=settings(), deadline=None)  # the machine may be busy
settings.load_profile("untimed")

SHARED = Path(__file__).resolve().parents[2] / "shared"
WAVES = SHARED / "data" / "waves-events-2023-02.tsv.gz"

PROVISIONING = """
[[spaces]]
id = "acme"
[[spaces.apps]]
id = "app_waves"
name = "Waves"
api_key = "WAVESAPIKEY0000000001"
write_key = "wk_waves"
export_key = "ek_waves"
[[spaces.apps]]
id = "app_tides"
name = "Tides"
write_key = "wk_tides"
[[spaces.users]]
email = "ana@example.com"
role = "admin"
password = "correct horse"
[[spaces.tokens]]
value = "tok_ana"
user = "ana@example.com"
[[spaces]]
id = "other"
[[spaces.apps]]
id = "app_other"
write_key = "wk_other"
[[spaces.users]]
email = "bob@example.com"
role = "admin"
[[spaces.tokens]]
value = "tok_bob"
user = "bob@example.com"
"""


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Repetitions are known before tests are chosen by marks; of those chosen, files that take long are begun first."""
    mark_repetitions(items)
    yield
    longest_first(items)


class TestClock:
    """A clock that stands still until a test moves it."""

    __test__ = False

    def __init__(self, now: int) -> None:
        self.time = now

    def now(self) -> int:
        """The present, ms UTC."""
        return self.time

    def offset(self) -> int:
        """Nothing: for databases with a clock of their own, use a shifted clock."""
        return 0


@pytest.fixture(scope="session", autouse=True)
def _logging() -> None:
    """The log is set up with its first line, which would undo what a test has set up to capture it."""
    _ = log.info


@pytest.fixture(scope="session", autouse=True)
def _cheap_passwords() -> Iterator[None]:
    """Argon2id of passwords takes a tenth of a second and 64 MiB by design; in this process it need not."""
    cheap = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys, "_passwords", cheap)
        keys._nobodys.cache_clear()
        yield


@pytest.fixture(scope="session", autouse=True)
def _one_trust_store() -> Iterator[None]:
    """Each client of httpx reads all certificates that the world trusts, 60 ms, to talk to a server without any."""
    read_once = cache(httpx.create_ssl_context)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(default, "create_ssl_context", read_once)
        yield


@pytest.fixture(scope="session", autouse=True)
def _quick_disks() -> Iterator[None]:
    """What was written through to the disk outlives a power cut, which no test in this process could have.

    That it is done, and when, is found out by who puts something else here. Other processes really do it.
    """

    def fsync(descriptor: int) -> None:
        os.fstat(descriptor)  # one that is closed is an error still

    real = engine._configure

    def configure(connection: Any, record: object) -> None:
        real(connection, record)
        connection.execute("PRAGMA synchronous=OFF")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        patch.setattr(engine, "_configure", configure)
        patch.setattr(engine, "_set_synced", lambda *_, **__: None)
        yield


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """Which database a store is on; modules for which that makes no difference choose one."""
    name: str = request.param
    return name


@pytest.fixture
def database_url(backend: str) -> Iterator[str]:
    """The setting `database`: empty for SQLite, else a new, empty database of its own on the test server."""
    if backend == "sqlite":
        yield ""
        return
    with postgres_server().database() as url:
        yield url


@pytest.fixture(scope="session")
def template_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TemplateOf]:
    """Templates by database and kind, each made when it is first asked for."""
    with ExitStack() as held:

        @cache
        def made(database: str, kind: Kind) -> Template:
            url = "" if database == "sqlite" else held.enter_context(postgres_server().database())
            data = tmp_path_factory.mktemp("template") / "data"
            told = "app_waves" if kind == "told" else None
            return make_template(data, url, PROVISIONING if kind != "empty" else None, told)

        yield made


@pytest.fixture
def data(request: pytest.FixtureRequest, backend: str, tmp_path: Path, template_of: TemplateOf) -> Iterator[Path]:
    """A data directory with a new store on either database.

    For a test that asks for `house` it is provisioned; for one that asks for `history` it has been told that, too.
    """
    kinds: dict[str, Kind] = {"history": "told", "house": "provisioned"}
    kind: Kind = next((kinds[name] for name in kinds if name in request.fixturenames), "empty")
    template = template_of(backend, kind)
    path = tmp_path / "data"
    if not template.url:
        template.copy(path, "")
        yield path
        return
    with postgres_server().database(template.url) as url:
        template.copy(path, url)
        yield path


@pytest.fixture
def provisioning(tmp_path: Path) -> Path:
    """A provisioning file with two spaces: acme with app_waves and app_tides, other with app_other."""
    path = tmp_path / "provisioning.toml"
    path.write_text(PROVISIONING)
    return path


@pytest.fixture
def house(data: Path) -> Iterator[House]:
    """An opened, provisioned store, whose exports are made in this process: a test that needs others says so."""
    with open_house(data) as opened:
        yield in_threads(opened)


@pytest.fixture
def scope(house: House) -> Scope:
    """The app app_waves."""
    return scope_of_app(house.database, "app_waves")


@pytest.fixture
def history(house: House, scope: Scope) -> History:
    """The history that the app has been told: to seal it takes longer than most tests of it."""
    return found(house, scope)


@pytest.fixture
def waves() -> Path:
    """The real telemetry."""
    if not WAVES.exists():
        pytest.skip(f"the real telemetry is not at {WAVES.name} beside the repository")
    return WAVES


@pytest.fixture
def few_waves(waves: Path, tmp_path: Path) -> Path:
    """An eighth of the real telemetry, with an event of each name that a session has: one journey has all of it."""
    path = tmp_path / "few.tsv.gz"
    with gzip.open(waves, "rt", encoding="utf-8", newline="") as file:
        header, *lines = file.read().removesuffix("\n").split("\n")
    session, name = (header.split("\t").index(column) for column in ("session_id", "event_name"))
    first: dict[tuple[str, str], int] = {}
    for number, cells in enumerate(line.split("\t") for line in lines):
        first.setdefault((cells[session], cells[name]), number)
    kept = sorted({*first.values(), *range(0, len(lines), 10)})
    with gzip.open(path, "wt", encoding="utf-8", newline="", compresslevel=1) as file:
        file.writelines(f"{line}\n" for line in (header, *(lines[number] for number in kept)))
    return path


def wanted(path: Path) -> ProvisioningFile:
    """A provisioning file, read."""
    return read_provisioning(path)


def at(house: House, clock: TestClock) -> House:
    """The same store with another clock for everything but the database."""
    return replace(house, clock=clock)
