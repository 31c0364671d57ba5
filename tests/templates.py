"""Stores that were made once and are copied for each test, which takes a tenth of the time of making one."""

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
import sqlalchemy as sa

from tailrace.accounts.limits import set_limits
from tailrace.accounts.lookup import scope_of_app
from tailrace.accounts.provisioning import read_provisioning
from tailrace.config import SETTINGS_FILE
from tailrace.wiring import initialise, open_house, provision
from tests.unit.store import history

POSTGRES = "TAILRACE_TEST_POSTGRES"
# Events of tests have times of their own, which are not to depend on the day on which tests run; some say when they
# were sent, on a day of their own as well. Tests of clocks set limits of theirs.
ANY_TIME = {
    "ingest.max_age_ms": 400_000_000_000_000,
    "ingest.max_ahead_ms": 400_000_000_000_000,
    "ingest.max_correction_ms": 0,
}
Kind = Literal["empty", "provisioned", "told"]


class PostgresServer:
    """The test server, and databases on it that live as long as a block."""

    def __init__(self, url: str) -> None:
        self._url = sa.make_url(url)
        self._admin = sa.create_engine(self._url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)

    @contextmanager
    def database(self, template: str = "") -> Iterator[str]:
        """The URL of a new database, empty or a copy of the one with another URL."""
        name = f"tailrace_{secrets.token_hex(6)}"
        copied = f" TEMPLATE {sa.make_url(template).database}" if template else ""
        with self._admin.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}{copied}"))
        try:
            yield self._url.set(database=name).render_as_string(hide_password=False)
        finally:
            with self._admin.connect() as connection:
                connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


def postgres_server() -> PostgresServer:
    """The server that the environment names; a test that needs it is skipped where there is none."""
    url = os.environ.get(POSTGRES)
    if not url:
        pytest.skip(f"{POSTGRES} names no server; scripts/test starts one")
    return PostgresServer(url)


class Template:
    """A store that nobody works on, to be copied."""

    def __init__(self, data: Path, url: str) -> None:
        self._data = data
        self.url = url

    def copy(self, target: Path, url: str) -> None:
        """Make a data directory whose store is this one's; on PostgreSQL `url` is that of a copied database."""
        shutil.copytree(self._data, target)
        (target / SETTINGS_FILE).write_text(f'database = "{url}"\n')


def make_template(data: Path, url: str, provisioning: str | None, told: str | None = None) -> Template:
    """A new store on a database, provisioned as a file says; an app of that has been told the `history`."""
    data.mkdir(parents=True)
    (data / SETTINGS_FILE).write_text(f'database = "{url}"\n')
    initialise(data)
    if provisioning is not None:
        wanted = data.with_suffix(".toml")
        wanted.write_text(provisioning)
        with open_house(data) as house:
            provision(house, read_provisioning(wanted))
            with house.database.write() as connection:
                set_limits(connection, ANY_TIME)
            if told is not None:
                history.tell(house, scope_of_app(house.database, told))
    return Template(data, url)


TemplateOf = Callable[[str, Kind], Template]
