"""Searching a store for texts: in its rows, its files and its objects, packed or not."""

import base64
import gzip
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from tailrace.config import SETTINGS_FILE
from tailrace.wiring import open_house


def forms(text: str) -> set[bytes]:
    """A credential as it is, in hex, and in a URL; and as the middle of Base64, whatever stands before it."""
    raw = text.encode()
    base64s = {base64.b64encode(b"x" * n + raw)[4:-4] for n in range(3)}
    return {raw, raw.hex().encode(), quote(text, safe="").encode(), *base64s}


def objects(data: Path) -> Iterator[tuple[str, bytes]]:
    """Every file of a data directory but its settings, and every object that is stored elsewhere."""
    for path in sorted(data.rglob("*")):
        if path.is_file() and path.name != SETTINGS_FILE:
            yield f"file {path.name}", unpacked(path.read_bytes())
    with open_house(data) as house:
        if house.settings.files:
            for listed in house.files.list(""):
                yield f"object {listed.key}", unpacked(b"".join(house.files.chunks(listed.key)))


def unpacked(content: bytes) -> bytes:
    """A file as it is and, where it is packed, what it holds."""
    if content.startswith(b"\x1f\x8b"):
        return content + gzip.decompress(content)
    if content.startswith(b"PAR1"):
        return content + str(pq.read_table(pa.BufferReader(content)).to_pylist()).encode()
    return content


def rows_of(data: Path, settings: str) -> Iterator[tuple[str, bytes]]:
    """Every table of both databases as text."""
    if not embedded(settings):
        with psycopg.connect(plain(sa.make_url(database_of(settings)))) as connection:
            names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            for (name,) in names:
                rows = connection.execute(f'SELECT t::text FROM "{name}" t').fetchall()  # noqa: S608
                yield f"table {name}", str(rows).encode()
        return
    for file in ("meta.db", "inbox.db"):
        with closing(sqlite3.connect(data / file)) as connection:
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                rows = connection.execute(f'SELECT * FROM "{name}"').fetchall()  # noqa: S608
                yield f"table {name}", str(rows).encode()


def execute(data: Path, settings: str, statement: str) -> None:
    """Change rows of a store behind its back."""
    if embedded(settings):
        with closing(sqlite3.connect(data / "meta.db", timeout=30)) as connection:
            connection.execute(statement)
            connection.commit()
        return
    with psycopg.connect(plain(sa.make_url(database_of(settings)))) as connection:
        connection.execute(statement.encode())


def embedded(settings: str) -> bool:
    """Whether settings are those of a store on SQLite."""
    return "postgresql" not in settings


def database_of(settings: str) -> str:
    """The URL of the database that settings name."""
    match = re.search(r'^database = "(.*)"$', settings, re.MULTILINE)
    assert match is not None
    return match[1]


def plain(url: sa.URL) -> str:
    """A URL as psycopg takes it."""
    return url.set(drivername="postgresql").render_as_string(hide_password=False)
