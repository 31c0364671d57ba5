"""What the tests of the import share: an empty store, and files written in a line."""

import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import zstandard
from sqlalchemy import insert

from tailrace.db.engine import Database, open_database
from tailrace.db.migrate import migrate
from tailrace.db.tables import apps, spaces
from tailrace.ingest.accept import Door
from tailrace.ingest.draft import Draft
from tailrace.ingest.files.blocks import Block
from tailrace.ingest.files.importing import Progress, Summary, drafter, import_file
from tailrace.ingest.files.mapping import FileMap, parse_map
from tailrace.ingest.files.reading import reading
from tailrace.model.access import Scope
from tailrace.model.clock import SystemClock
from tailrace.model.shards import initial_shards
from tailrace.store.commits import create_head
from tailrace.store.deadletters import Buried, find, listing
from tailrace.store.inbox import create_heads, take
from tailrace.store.ledger import Ledger, ledger
from tailrace.store.shards import create_shards

NOW = 1_767_225_600_000  # 2026-01-01, ms UTC

Write = Callable[[str, str | bytes], Path]


@dataclass
class Importer:
    """An empty store with one app of two shards, and what went into it."""

    database: Database
    door: Door
    progress: list[Progress] = field(default_factory=list)

    def run(self, path: Path, map_text: str | None = None) -> Summary:
        file_map = parse_map(map_text) if map_text is not None else None
        return import_file(
            self.database, self.door, path, file_map=file_map, now=lambda: NOW, progress=self.progress.append
        )

    def rows(self) -> list[dict[str, Any]]:
        """Every record of the inbox, in order of time."""
        tables = [
            take(self.database, self.door.scope, shard.number, 0, records=10**9, raw_bytes=10**12).records
            for shard in self.door.shards
        ]
        return sorted(pa.concat_tables(tables).to_pylist(), key=lambda row: (row["time"], row["id"]))

    def letters(self) -> list[Buried]:
        database, scope = self.database, self.door.scope
        return [find(database, scope, letter.number) for letter in listing(database, scope)]

    def reasons(self) -> list[tuple[int, str]]:
        """Line and reason of each dead letter, by line."""
        return sorted((buried.letter.position, buried.letter.reason) for buried in self.letters())

    def ledger(self) -> Ledger:
        return ledger(self.database, self.door.scope)


@pytest.fixture
def importer(tmp_path: Path) -> Iterator[Importer]:
    """An empty store on SQLite."""
    data = tmp_path / "data"
    data.mkdir()
    database = open_database(data, "", SystemClock())
    migrate(database)
    scope, shards = Scope(1, 1, "acme", "app"), initial_shards(1)
    with database.write() as connection:
        connection.execute(insert(spaces).values(number=1, id="acme"))
        connection.execute(insert(apps).values(number=1, space=1, id="app", name="App"))
        create_head(connection, scope)
        create_shards(connection, scope, shards)
    create_heads(database, scope, [shard.number for shard in shards])
    door = Door(scope, shards, max_text_bytes=1_000, max_record_bytes=1_000_000, max_body_bytes=10_000_000)
    yield Importer(database, door)
    database.close()


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file; its name says how it is packed."""

    def write_file(name: str, content: str | bytes) -> Path:
        data = content.encode() if isinstance(content, str) else content
        if name.endswith(".gz"):
            half = len(data) // 2
            data = gzip.compress(data[:half]) + gzip.compress(data[half:])
        elif name.endswith(".zst"):
            half = len(data) // 2
            data = zstandard.compress(data[:half]) + zstandard.compress(data[half:])
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write_file


@pytest.fixture
def blocks() -> Callable[..., list[Block]]:
    """Reads all blocks of a file."""

    def read(path: Path) -> list[Block]:
        with reading(path) as file:
            return list(file.blocks)

    return read


@pytest.fixture
def draft() -> Callable[..., Draft]:
    """The draft of a small file's only block by a map, which may be in pieces: the fields but event are given."""

    def make(path: Path, file_map: FileMap | None) -> Draft:
        with reading(path, file_map.format if file_map else None) as file:
            return drafter(file_map, file)(next(file.blocks))

    return make
