"""The data of the export bench: one store of ours, filled through the command line, and the same rows for the rivals.

    python -m bench.data [--events N] [--seed N] [--root DIR]

For the rivals there are `nested` (Parquet, a row per session with its events inside) and `flat` (a row per event) of
all days, and of the first days `maps` (nested, objects as maps) and `rows.db` (SQLite). They hold what an export
shows and nothing else: no ids of events, no times of receipt.
"""

import argparse
import json
import resource
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.traffic import DAYS, EVENT_COLUMNS, FORM, SESSION_COLUMNS, Part, Traffic, lines

APP = "bench_app"
FEW_DAYS = 3
ROW_GROUP_EVENTS = 60_000
PROVISIONING = f"""
[[spaces]]
id = "bench"
[[spaces.apps]]
id = "{APP}"
"""


@dataclass(frozen=True, slots=True)
class Data:
    """A finished data directory."""

    root: Path
    made: dict[str, Any]  # what was counted while it was made

    @property
    def seed(self) -> int:
        """What it was made from."""
        return int(self.root.name.split("-")[1])

    @property
    def store(self) -> Path:
        """The data directory of Tailrace."""
        return self.root / "store"

    def files(self, form: str, days: int) -> list[Path]:
        """The rivals' Parquet files of the first days."""
        return [self.root / form / f"{day:02d}.parquet" for day in range(days)]

    @property
    def database(self) -> Path:
        """The rows of the first days in SQLite."""
        return self.root / "rows.db"


def ensure(root: Path, events: int, seed: int) -> Data:
    """The data directory of this number and seed, made if it is not there whole."""
    data = find(root, events, seed)
    if data is None:
        place = _place(root, events, seed)
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        data = Data(place, _make(place, events, seed))
        _marker(place).write_text(json.dumps(data.made, indent=1))
    return data


def find(root: Path, events: int, seed: int) -> Data | None:
    """The data directory of this number and seed if it is there whole."""
    place = _place(root, events, seed)
    return Data(place, json.loads(_marker(place).read_text())) if _marker(place).exists() else None


def _place(root: Path, events: int, seed: int) -> Path:
    return root / f"{events}-{seed}-{FORM}"


def _marker(place: Path) -> Path:
    return place / "made.json"


def _make(place: Path, events: int, seed: int) -> dict[str, Any]:
    began = time.perf_counter()
    made: dict[str, Any] = {"events": 0, "sessions": 0, "few_events": 0, "above_level": 0}
    spent = {"make": 0.0, "import": 0.0, "import_cpu": 0.0, "seal": 0.0, "seal_cpu": 0.0}
    (place / "wanted.toml").write_text(PROVISIONING)
    for form in ("nested", "flat", "maps"):
        (place / form).mkdir()
    store = ["--data", str(place / "store")]
    _tailrace("init", *store)
    _tailrace("apply", str(place / "wanted.toml"), *store)
    rows = _database(place / "rows.db")
    for day, parts in groupby(_timed(Traffic(events, seed).parts(), spent), lambda part: part.day):
        with ExitStack() as stack:
            writers: dict[str, pq.ParquetWriter] = {}
            for part in parts:
                mark = time.perf_counter()
                _count(made, part)
                batch = place / "batch.ndjson"
                _write_text(batch, lines(part))
                for form, table, size in _forms(part):
                    if form not in writers:
                        path = place / form / f"{day:02d}.parquet"
                        writers[form] = stack.enter_context(
                            pq.ParquetWriter(path, table.schema, compression="zstd", compression_level=3)
                        )
                    writers[form].write_table(table, row_group_size=size)
                if day < FEW_DAYS:
                    _insert(rows, part, made["sessions"])
                spent["make"] += time.perf_counter() - mark
                _spend(spent, "import", _tailrace("import", str(batch), *store, "--app", APP))
                batch.unlink()
                _spend(spent, "seal", _tailrace("seal", *store))
        sys.stderr.write(f"day {day + 1} of {DAYS}: {made['events']:,} events; {_said(spent)}\n")
    _spend(spent, "seal", _tailrace("seal", *store, "--all"))
    rows.commit()
    rows.close()
    spent["all"] = time.perf_counter() - began
    return made | {"seconds": {name: round(value, 1) for name, value in spent.items()}}


def _spend(spent: dict[str, float], name: str, seconds: tuple[float, float]) -> None:
    spent[name] += seconds[0]
    spent[f"{name}_cpu"] += seconds[1]


def _said(spent: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.0f} s" for name, value in spent.items())


def _timed(parts: Iterator[Part], spent: dict[str, float]) -> Iterator[Part]:
    """The parts; what making them took is added to `spent`."""
    while True:
        mark = time.perf_counter()
        part = next(parts, None)
        spent["make"] += time.perf_counter() - mark
        if part is None:
            return
        yield part


def _tailrace(*arguments: str) -> tuple[float, float]:
    """Run a command of ours; seconds on the clock and of processor."""
    mark, before = time.perf_counter(), _cpu()
    subprocess.run([sys.executable, "-m", "tailrace", *arguments], check=True, capture_output=True)
    return time.perf_counter() - mark, _cpu() - before


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _write_text(path: Path, text: pa.Array) -> None:
    """All values one after another."""
    _, offsets, data = text.buffers()
    end = memoryview(offsets).cast("i")[text.offset + len(text)]
    with path.open("wb") as file:
        file.write(memoryview(data)[:end])


def _count(made: dict[str, Any], part: Part) -> None:
    made["events"] += part.events.num_rows
    made["sessions"] += part.sessions.num_rows
    if part.day < FEW_DAYS:
        made["few_events"] += part.events.num_rows
        params = part.events["map"].combine_chunks()
        levels = params.items.filter(pc.equal(params.keys, "level"))
        made["above_level"] += int(pc.sum(pc.greater(levels.cast(pa.float64()), 5000)).as_py() or 0)


def _forms(part: Part) -> Iterator[tuple[str, pa.Table, int]]:
    """The part in each form of the rivals, and how many rows a row group has."""
    sessions, events = part.sessions.select(SESSION_COLUMNS), part.events
    with_maps = sessions.set_column(SESSION_COLUMNS.index("device_ids"), "device_ids", part.sessions["device_map"])
    for form, base, params in (("nested", sessions, "params"), ("maps", with_maps, "map")):
        if form == "maps" and part.day >= FEW_DAYS:
            continue
        members = [events[name].combine_chunks() for name in ("event", "time", params)]
        structs = pa.StructArray.from_arrays(members, names=list(EVENT_COLUMNS))
        ends = pa.array([0, *part.lengths.cumsum().tolist()], pa.int32())
        yield form, base.append_column("events", pa.ListArray.from_arrays(ends, structs)), ROW_GROUP_EVENTS // 7
    flat = sessions.take(part.parent)
    for name in EVENT_COLUMNS:
        flat = flat.append_column(name, events[name])
    yield "flat", flat, ROW_GROUP_EVENTS


def _database(path: Path) -> sqlite3.Connection:
    """Two tables, as a service that keeps rows has them. Times are whole milliseconds."""
    database = sqlite3.connect(path)
    columns = ", ".join(f"{name} {_NUMBERS.get(name, 'TEXT')}" for name in SESSION_COLUMNS)
    database.execute(f"CREATE TABLE sessions (number INTEGER PRIMARY KEY, {columns})")
    database.execute("CREATE TABLE events (session INTEGER, event TEXT, time INTEGER, params TEXT)")
    database.execute("CREATE INDEX starts ON sessions (session_start)")
    database.execute("CREATE INDEX owners ON events (session)")
    return database


_NUMBERS = {
    "session_start": "INTEGER",
    "session_duration_ms": "INTEGER",
    "birth_year": "INTEGER",
    "latitude": "REAL",
    "longitude": "REAL",
}


def _insert(database: sqlite3.Connection, part: Part, first: int) -> None:
    """Rows of a part whose last session has the number `first` - 1."""
    begin = first - part.sessions.num_rows
    sessions = [range(begin, first), *(_values(part.sessions[name]) for name in SESSION_COLUMNS)]
    marks = ", ".join("?" * len(sessions))
    database.executemany(f"INSERT INTO sessions VALUES ({marks})", zip(*sessions, strict=True))  # noqa: S608
    owners = (part.parent.to_numpy() + begin).tolist()
    events = [owners, *(_values(part.events[name]) for name in EVENT_COLUMNS)]
    database.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", zip(*events, strict=True))
    database.commit()


def _values(column: pa.ChunkedArray) -> list[Any]:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    values: list[Any] = column.to_pylist()
    return values


def main() -> None:
    """Make the data and say what it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000_000, help="about how many events")
    parser.add_argument("--seed", type=int, default=7, help="another one makes other data")
    parser.add_argument("--root", type=Path, default=Path(".build/bench"), help="where data directories lie")
    asked = parser.parse_args()
    data = ensure(asked.root, asked.events, asked.seed)
    print(data.root, json.dumps(data.made))


if __name__ == "__main__":
    main()
