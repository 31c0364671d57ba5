"""What many tests stand on: stores on both databases, and a clock that a test can move."""

import os
import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from tailrace.accounts.lookup import scope_of_app
from tailrace.accounts.provisioning import ProvisioningFile, read_provisioning
from tailrace.logs import log
from tailrace.model.access import Scope
from tailrace.wiring import House, initialise, open_house, provision
from tests.stores import moto, swift

__all__ = ["moto", "swift"]  # fixtures

POSTGRES = "TAILRACE_TEST_POSTGRES"
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


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The setting `database`: empty for SQLite, else a database of its own on the test server."""
    if request.param == "sqlite":
        yield ""
        return
    server = os.environ.get(POSTGRES)
    if not server:
        pytest.skip(f"{POSTGRES} names no server; scripts/test starts one")
    with new_postgres_database(server) as url:
        yield url


@pytest.fixture
def data(tmp_path: Path, database_url: str) -> Path:
    """A data directory with a new store on the database."""
    path = tmp_path / "data"
    path.mkdir()
    (path / "tailrace.toml").write_text(f'database = "{database_url}"\n')
    initialise(path)
    return path


@pytest.fixture
def provisioning(tmp_path: Path) -> Path:
    """A provisioning file with two spaces: acme with app_waves and app_tides, other with app_other."""
    path = tmp_path / "provisioning.toml"
    path.write_text(PROVISIONING)
    return path


@pytest.fixture
def house(data: Path, provisioning: Path) -> Iterator[House]:
    """An opened, provisioned store."""
    with open_house(data) as opened:
        provision(opened, wanted(provisioning))
        yield opened


@pytest.fixture
def scope(house: House) -> Scope:
    """The app app_waves."""
    return scope_of_app(house.database, "app_waves")


@pytest.fixture
def waves() -> Path:
    """The real telemetry."""
    if not WAVES.exists():
        pytest.skip(f"the real telemetry is not at {WAVES.name} beside the repository")
    return WAVES


def wanted(path: Path) -> ProvisioningFile:
    """A provisioning file, read."""
    return read_provisioning(path)


def at(house: House, clock: TestClock) -> House:
    """The same store with another clock for everything but the database."""
    return replace(house, clock=clock)


class new_postgres_database:  # noqa: N801 - reads as a function in `with`
    """A fresh database on a server, dropped at the end."""

    def __init__(self, server: str) -> None:
        self._admin = sa.create_engine(server, isolation_level="AUTOCOMMIT")
        self._name = f"tailrace_{secrets.token_hex(6)}"
        self._url = sa.make_url(server).set(database=self._name)

    def __enter__(self) -> str:
        with self._admin.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {self._name}"))
        return self._url.render_as_string(hide_password=False)

    def __exit__(self, *_: object) -> None:
        with self._admin.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {self._name} WITH (FORCE)"))
        self._admin.dispose()
