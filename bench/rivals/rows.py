"""A service that keeps rows: SQLite, one row at a time, orjson or csv, and the gzip or zip of the standard library."""

# ruff: noqa: S608 - names of columns and files cannot be parameters, and they are the bench's own

import csv
import gzip
import io
import sqlite3
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, TextIO

import orjson

from bench.rivals.task import JSONS, TIMES, Task, asked

GZIP_LEVEL = 6
BATCH = 1000
EVENT_COLUMNS = ("event", "time", "params")


def rows(task: Task) -> Iterator[dict[str, Any]]:
    """Each event with what is wanted of its session."""
    for _, row in _found(task, task.columns):
        yield row


def sessions(task: Task) -> Iterator[dict[str, Any]]:
    """Each session with its events."""
    of_session = [name for name in task.columns if name not in EVENT_COLUMNS]
    for _, found in groupby(_found(task, (*of_session, *EVENT_COLUMNS)), itemgetter(0)):
        events = [row for _, row in found]
        record = {name: events[0][name] for name in of_session}
        record["events"] = [{name: _fragment(name, row[name]) for name in EVENT_COLUMNS} for row in events]
        yield record


def _found(task: Task, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows with the numbers of their sessions."""
    database = sqlite3.connect(f"file:{task.sources[0]}?mode=ro", uri=True)
    found = database.execute(
        f"SELECT sessions.number, {', '.join(columns)} FROM sessions JOIN events ON events.session = sessions.number "
        "WHERE session_start < ? ORDER BY session_start, sessions.number, events.rowid",
        (task.until_ms,),
    )
    times = [name for name in TIMES if name in columns]
    for number, *values in found:
        row = dict(zip(columns, values, strict=True))
        for name in times:
            row[name] = _iso(row[name])
        yield number, row


def _iso(value: int) -> str:
    return datetime.fromtimestamp(value / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _fragment(name: str, value: Any) -> Any:
    """JSON goes into JSON as it stands."""
    return orjson.Fragment(value) if name in JSONS else value


def write_json(task: Task) -> None:
    """A line per event or session in a gzip file."""
    objects = [name for name in JSONS if name in task.columns and (task.shape == "events" or name != "params")]
    with gzip.open(task.out, "wb", GZIP_LEVEL) as file:
        lines: list[bytes] = []
        for record in sessions(task) if task.shape == "sessions" else rows(task):
            for name in objects:
                record[name] = orjson.Fragment(record[name])
            lines.append(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))
            if len(lines) == BATCH:
                file.write(b"".join(lines))
                lines.clear()
        file.write(b"".join(lines))


def write_csv(task: Task) -> None:
    """A CSV file in gzip."""
    with gzip.open(task.out, "wt", GZIP_LEVEL, encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(task.columns)
        out.writerows([record[name] for name in task.columns] for record in rows(task))


def write_tables(task: Task) -> None:
    """A zip with a CSV for each name of events, a column for each parameter that occurs with it."""
    tables: dict[str, list[tuple[dict[str, Any], dict[str, Any]]]] = {}
    keys: dict[str, dict[str, None]] = {}
    for record in rows(task):
        params = orjson.loads(record["params"])
        tables.setdefault(record["event"], []).append((record, params))
        keys.setdefault(record["event"], {}).update(dict.fromkeys(params))
    with zipfile.ZipFile(task.out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, name in enumerate(sorted(tables)):
            with archive.open(f"{number:03d}.csv", "w") as binary:
                text = io.TextIOWrapper(binary, encoding="utf-8", newline="")
                _table(text, [name for name in task.columns if name != "params"], list(keys[name]), tables[name])
                text.flush()
                text.detach()


def _table(
    file: TextIO, base: list[str], keys: list[str], records: list[tuple[dict[str, Any], dict[str, Any]]]
) -> None:
    out = csv.writer(file)
    out.writerow([*base, *keys])
    for record, params in records:
        out.writerow([*(record[name] for name in base), *(params.get(key) for key in keys)])


def main() -> None:
    """Do what was asked."""
    task = asked()
    if task.shape == "tables":
        write_tables(task)
    elif task.format == "csv":
        write_csv(task)
    else:
        write_json(task)


if __name__ == "__main__":
    main()
