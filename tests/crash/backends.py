"""Where a world keeps its rows and objects, and a look at both that shares no code with the store."""

import secrets
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import psycopg
from psycopg.rows import dict_row

from tailrace.accounts.provisioning import read_provisioning
from tailrace.config import SETTINGS_FILE
from tailrace.wiring import initialise, open_house, provision
from tests.stores import S3Server

Row = dict[str, Any]

PROVISIONING = """
[[spaces]]
id = "acme"
[[spaces.apps]]
id = "app_waves"
api_key = "WAVESAPIKEY0000000001"
write_key = "wk_waves"
export_key = "ek_waves"
[[spaces.users]]
email = "ana@example.com"
role = "admin"
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
[limits]
"ingest.max_age_ms" = 400000000000000
"""


class Backend(Protocol):
    """What a world stands on: settings, and what its processes must have in their environment."""

    @property
    def settings(self) -> str:
        """Lines of the settings."""

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables."""

    def rows(self, query: str) -> list[Row]:
        """What the metadata answers to a query."""

    def objects(self) -> dict[str, int]:
        """All objects and their sizes."""

    def unfinished(self) -> list[str]:
        """What writers have begun and not finished."""

    def read(self, key: str) -> bytes:
        """All of an object."""

    def locked(self) -> AbstractContextManager[None]:
        """While the block runs no process holds a lock that keeps all others from writing."""


@dataclass(frozen=True)
class Embedded:
    """SQLite and local files."""

    data: Path
    settings: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    def rows(self, query: str) -> list[Row]:
        """What the metadata answers to a query."""
        with closing(sqlite3.connect(self.data / "meta.db", timeout=30)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query)]

    def objects(self) -> dict[str, int]:
        """All objects and their sizes."""
        return {key: size for key, size in self._files() if not key.endswith(".tmp")}

    def unfinished(self) -> list[str]:
        """What writers have begun and not finished."""
        return [key for key, _ in self._files() if key.endswith(".tmp")]

    def read(self, key: str) -> bytes:
        """All of an object."""
        return (self.data / "files" / key).read_bytes()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """While the block runs no process holds a lock that keeps all others from writing."""
        with locked(self.data / "meta.db"), locked(self.data / "inbox.db"):
            yield

    def _files(self) -> Iterator[tuple[str, int]]:
        root = self.data / "files"
        for path in root.rglob("*"):
            if path.is_file():
                yield path.relative_to(root).as_posix(), path.stat().st_size


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Keep all others from writing to an SQLite database."""
    with closing(sqlite3.connect(file, timeout=60, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@dataclass(frozen=True)
class Remote:
    """PostgreSQL and S3."""

    url: str
    server: S3Server
    bucket: str

    @property
    def settings(self) -> str:
        """Lines of the settings."""
        return f'database = "{self.url}"\nfiles = "s3://{self.bucket}/kept"\n'

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables."""
        return self.server.environment

    def rows(self, query: str) -> list[Row]:
        """What the metadata answers to a query."""
        with psycopg.connect(_plain(self.url), row_factory=dict_row) as connection:
            return connection.execute(query.encode()).fetchall()

    def objects(self) -> dict[str, int]:
        """All objects and their sizes."""
        return {key.removeprefix("kept/"): size for key, size in self.server.objects(self.bucket).items()}

    def unfinished(self) -> list[str]:
        """What writers have begun and not finished."""
        return self.server.uploads(self.bucket)

    def read(self, key: str) -> bytes:
        """All of an object."""
        return self.server.read(self.bucket, f"kept/{key}")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """While the block runs no process holds a lock that keeps all others from writing."""
        with psycopg.connect(_plain(self.url)) as connection:
            connection.execute("LOCK TABLE app_heads, shards, jobs, exports, lane_turns, inbox_heads IN EXCLUSIVE MODE")
            yield


class Stands(Protocol):
    """Makes one backend after the other. The store in each is made once and copied.

    `pace_ms` is how often it makes sense to look for something to seal.
    """

    name: str
    pace_ms: int

    def make(self, data: Path) -> Backend:
        """A backend with a provisioned store, for a data directory that does not exist yet."""

    def drop(self, backend: Backend) -> None:
        """Let go of what does not lie in its world's folder."""


class EmbeddedStands:
    """SQLite and local files."""

    name = "sqlite"
    pace_ms = 100

    def __init__(self, folder: Path) -> None:
        self._template = folder / "template"
        _make_store(self._template, "")

    def make(self, data: Path) -> Embedded:
        """A backend with a provisioned store, for a data directory that does not exist yet."""
        shutil.copytree(self._template, data)
        return Embedded(data)

    def drop(self, backend: Backend) -> None:
        """Nothing lies elsewhere."""


class RemoteStands:
    """PostgreSQL and S3, on servers that run."""

    name = "postgres"
    pace_ms = 200

    def __init__(self, folder: Path, url: str, server: S3Server) -> None:
        self._url = url
        self._server = server
        self._template = f"template_{secrets.token_hex(4)}"
        self._do(f"CREATE DATABASE {self._template}")
        _make_store(folder / "template", f'database = "{self._named(self._template)}"\n')

    def make(self, data: Path) -> Remote:
        """A backend with a provisioned store, for a data directory that does not exist yet."""
        data.mkdir()
        name = f"world_{secrets.token_hex(4)}"
        self._do(f"CREATE DATABASE {name} TEMPLATE {self._template}")
        return Remote(self._named(name), self._server, self._server.bucket())

    def drop(self, backend: Backend) -> None:
        """Drop its database; its bucket goes with the server."""
        if isinstance(backend, Remote):
            self._do(f"DROP DATABASE {backend.url.rsplit('/', 1)[1]} WITH (FORCE)")

    def _named(self, database: str) -> str:
        return f"{self._url.rsplit('/', 1)[0]}/{database}"

    def _do(self, statement: str) -> None:
        with psycopg.connect(_plain(self._url), autocommit=True) as connection:
            connection.execute(statement.encode())


def _make_store(data: Path, settings: str) -> None:
    data.mkdir()
    (data / SETTINGS_FILE).write_text(f"shard_bits = 1\n{settings}")
    initialise(data)
    wanted = data.with_name("provisioning.toml")
    wanted.write_text(PROVISIONING)
    with open_house(data) as house:
        provision(house, read_provisioning(wanted))


def _plain(url: str) -> str:
    """A URL as libpq reads it."""
    return url.replace("+psycopg", "")
