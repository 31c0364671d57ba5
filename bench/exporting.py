"""How fast exports are, against other programs that write the same rows in the same run.

Everybody is a whole process with two threads, start-up included, from the same rows to a file that is synced. Ours
also hashes the file and its rows and writes a manifest; what the rivals would pay for a plain SHA-256 of their file is
said beside. Each rival and ours run in turn, A B A B, their inputs read once before; the numbers are medians. The rows
of both sides are counted, and a difference fails the case. Only the repeat is measured inside one process of ours.
"""

import hashlib
import json
import os
import random
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import counting
from bench.data import APP, FEW_DAYS, Data, ensure, find
from bench.process import Cost, Failed, run
from bench.rivals.task import Task
from bench.traffic import DAY_MS, DAYS, EVENT_COLUMNS, FIRST_DAY_MS, SESSION_COLUMNS, VERSIONS, Traffic

ROOT = Path(__file__).parent.parent

FILE_BYTES = 256_000_000
MEMORY_LIMIT = 450_000_000
GROWTH = (1_000_000, 3_000_000, 10_000_000, 30_000_000)
SLOPE_LIMIT = 3.2
THREE_VERSIONS = tuple(VERSIONS[7:10])
FIVE_NAMES = (2, 9, 20, 40, 90)  # ranks: 9 % of the events
ABOVE_LEVEL = [{"param": "level", "op": "gt", "value": 5000}]
TABLE_COLUMNS = ("device_id", "time", "app_version", "country")


@dataclass(frozen=True, slots=True)
class Export:
    """What is exported."""

    days: int
    format: str
    packing: str
    shape: str = "events"
    versions: tuple[str, ...] = ()
    ranks: tuple[int, ...] = ()  # of names of events
    where: bool = False
    split: str = "single"


@dataclass(frozen=True, slots=True)
class Rival:
    """Who else does it, from which form of the data; without a module we do it ourselves, otherwise."""

    name: str
    target: float
    module: str = ""
    form: str = "nested"
    packing: str | None = None
    export: Export | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One line of work, and against whom."""

    name: str
    title: str
    export: Export
    rivals: tuple[Rival, ...]
    again: bool = False  # ours repeats what the rival, which is ours too, has just done, in the same process


@dataclass(slots=True)
class Measured:
    """What the runs of one side cost."""

    costs: list[Cost] = field(default_factory=list)
    synced: list[float] = field(default_factory=list)  # seconds with the sync of the output
    hashing: list[float] = field(default_factory=list)
    bytes: int = 0
    rows: int = 0

    def median(self, of: Callable[[Cost], float]) -> float:
        """The median of something."""
        return statistics.median(map(of, self.costs))


Pair = tuple[Rival, Measured, Measured]  # ours comes first


_BLOCK = 4 << 20
_JSON = Export(DAYS, "json", "none")
_JSON_FEW = Export(FEW_DAYS, "json", "gzip")
_TABLES = Export(FEW_DAYS, "csv", "zip", shape="tables", split="event")
_DUCK = "DuckDB `COPY`"
_ROWS = "row loop: SQLite, orjson or csv, gzip or zip level 6"
CASES = (
    Case(
        "json-gzip",
        f"event JSON, gzip, {FEW_DAYS} days",
        _JSON_FEW,
        (
            Rival(f"{_DUCK}, gzip", 8, "duck"),
            Rival("chDB `JSONEachRow`, gzip level 1", 2.2, "clickhouse", "maps"),
            Rival(_ROWS, 12, "rows", "rows.db"),
        ),
    ),
    Case(
        "csv-gzip",
        f"event CSV, gzip, {FEW_DAYS} days",
        replace(_JSON_FEW, format="csv"),
        (Rival(_ROWS, 12, "rows", "rows.db"),),
    ),
    Case("json", f"event JSON, plain, {DAYS} days", _JSON, (Rival(_DUCK, 1.8, "duck"),)),
    Case(
        "csv",
        f"event CSV, plain, {DAYS} days",
        replace(_JSON, format="csv"),
        (Rival(_DUCK, 1.4, "duck"), Rival("Polars `sink_csv`", 0.9, "polar", "flat")),
    ),
    Case(
        "xml",
        f"event XML, plain, {FEW_DAYS} days",
        Export(FEW_DAYS, "xml", "none"),
        (Rival("DuckDB, lines built in SQL", 2, "duck"),),
    ),
    Case(
        "sessions",
        f"session JSON, plain, 256 MB files, {DAYS} days",
        replace(_JSON, shape="sessions", split="size"),
        (Rival(_DUCK, 1.6, "duck"),),
    ),
    Case(
        "sessions-gzip",
        f"session JSON, gzip, {FEW_DAYS} days",
        replace(_JSON_FEW, shape="sessions"),
        (Rival(f"{_DUCK}, gzip", 6, "duck"), Rival(_ROWS, 12, "rows", "rows.db")),
    ),
    Case(
        "versions",
        f"3 of 18 versions, event JSON, gzip, {DAYS} days",
        replace(_JSON, packing="gzip", versions=THREE_VERSIONS),
        (Rival(f"{_DUCK}, plain", 2, "duck", packing="none"),),
    ),
    Case(
        "names",
        f"5 of 200 event names, event JSON, gzip, {DAYS} days",
        replace(_JSON, packing="gzip", ranks=FIVE_NAMES),
        (Rival(f"{_DUCK}, plain", 1.3, "duck", "flat", "none"),),
    ),
    Case("tables", f"zip of 200 event tables, {FEW_DAYS} days", _TABLES, (Rival(_ROWS, 8, "rows", "rows.db"),)),
    Case(
        "where",
        "the same with a predicate that keeps 1 %",
        replace(_TABLES, where=True),
        (Rival("without the predicate", 3, export=_TABLES),),
    ),
    Case(
        "repeat",
        "a day of event JSON, gzip, asked for again",
        replace(_JSON_FEW, days=1),
        (Rival("the first time", 10, export=replace(_JSON_FEW, days=1)),),
        again=True,
    ),
)


class Bench:
    """Runs cases over one data directory."""

    def __init__(self, data: Data, rivals: Path, names: Sequence[str]) -> None:
        self.data, self.rivals, self.names = data, rivals, names
        self._scratch = TemporaryDirectory(prefix="out-", dir=data.root)  # two benches may run on the same data
        self.out = Path(self._scratch.name) / "out"
        self._chance = random.Random()  # noqa: S311 - see `columns`

    def compare(self, case: Case, rounds: int) -> list[Pair]:
        """Each rival with the runs of ours that came between its own."""
        return [(rival, *self._pair(case, rival, rounds)) for rival in case.rivals]

    def _pair(self, case: Case, rival: Rival, rounds: int) -> tuple[Measured, Measured]:
        ours, theirs = Measured(), Measured()
        for _ in range(rounds):
            self.warm(self._inputs(rival, case.export) if rival.module else ())
            columns = self.columns(case.export)
            if case.again:
                self._repeat(columns, ours, theirs)
                continue
            if rival.module:
                self._theirs(case.export, rival, columns, theirs)
            else:
                self.ours(rival.export or case.export, self.columns(case.export), theirs)
            self.ours(case.export, columns, ours)
        self._check(case, (ours, theirs))
        return ours, theirs

    def _inputs(self, rival: Rival, export: Export) -> list[Path]:
        return [self.data.database] if rival.form == "rows.db" else self.data.files(rival.form, export.days)

    def warm(self, theirs: Sequence[Path] = ()) -> None:
        """Read all that is going to be read: neither side pays for a cold disk."""
        ours = [path for path in (self.data.store / "files").rglob("*") if path.is_file()]
        for path in (*theirs, *ours):
            with path.open("rb", buffering=0) as file:
                while file.read(_BLOCK):
                    pass

    def columns(self, export: Export) -> tuple[str, ...]:
        """The columns in an order that was hardly asked for before, so that no cache knows them."""
        if export.shape == "tables":
            return tuple(self._chance.sample(TABLE_COLUMNS, len(TABLE_COLUMNS)))
        mixed = self._chance.sample(SESSION_COLUMNS, len(SESSION_COLUMNS))
        return (*mixed, *EVENT_COLUMNS)

    def ours(self, export: Export, columns: Sequence[str], side: Measured) -> None:
        """One export by `tailrace export`."""
        if export.shape == "sessions":  # where a user is said once, as the rivals have it
            columns = ["session_user_id" if name == "user_id" else name for name in columns]
        command = ["env", "TAILRACE_EXPORTS__CACHE_BYTES=0"]  # a cache must not answer for the engine
        command += [sys.executable, "-m", "tailrace", "export", "--data", str(self.data.store), "--app", APP]
        command += ["--axis", "session_start", "--from", _iso(0), "--to", _iso(export.days)]
        command += ["--shape", export.shape, "--format", export.format, "--packing", export.packing]
        command += ["--split", export.split, "--columns", ",".join(columns), "--out", str(self.out)]
        for name in self._names(export):
            command += ["--event", name]
        for version in export.versions:
            command += ["--version", version]
        if export.where:
            command += ["--where", json.dumps(ABOVE_LEVEL)]
        self._run(command, side, hashes=True)

    def _theirs(self, export: Export, rival: Rival, columns: Sequence[str], side: Measured) -> None:
        tables = export.shape == "tables"
        task = Task(
            shape=export.shape,
            format=export.format,
            packing=rival.packing or export.packing,
            columns=(*columns, "event", "params") if tables else tuple(columns),
            sources=tuple(str(path) for path in self._inputs(rival, export)),
            out=str(self.out),
            flat=rival.form == "flat",
            events=self._names(export),
            versions=export.versions,
            split_bytes=FILE_BYTES if export.split == "size" else 0,
            until_ms=FIRST_DAY_MS + export.days * DAY_MS,
        )
        self._run([str(self.rivals), "-m", f"bench.rivals.{rival.module}", task.text()], side, hashes=False)

    def _repeat(self, columns: Sequence[str], again: Measured, first: Measured) -> None:
        self._clear()
        result = self.out.with_name("repeat.json")
        arguments = [str(self.data.store), str(self.out), ",".join(columns), str(result)]
        cost = run([sys.executable, "-m", "bench.repeating", *arguments], ROOT)
        said = json.loads(result.read_text())
        for name, side in (("first", first), ("again", again)):
            side.costs.append(cost)
            side.synced.append(said[name]["made"])
            side.hashing.append(0.0)
            side.bytes = _size(_files(self.out / name))
            side.rows = counting.rows(self.out / name)

    def _clear(self) -> None:
        if self.out.is_dir():
            shutil.rmtree(self.out)
        self.out.unlink(missing_ok=True)
        os.sync()

    def _run(self, command: list[str], side: Measured, *, hashes: bool) -> None:
        self._clear()
        cost = run(command, ROOT)
        files = list(_files(self.out))
        begin = time.perf_counter()
        for path in files:
            with path.open("rb") as file:
                os.fsync(file.fileno())
        side.costs.append(cost)
        side.synced.append(cost.wall + time.perf_counter() - begin)
        begin = time.perf_counter()
        if not hashes:
            for path in files:
                with path.open("rb") as file:
                    hashlib.file_digest(file, "sha256")
        side.hashing.append(time.perf_counter() - begin if not hashes else 0.0)
        side.bytes = _size(files)
        if not side.rows:
            side.rows = counting.rows(self.out)

    def _names(self, export: Export) -> tuple[str, ...]:
        return tuple(self.names[rank] for rank in export.ranks)

    def _check(self, case: Case, sides: Sequence[Measured]) -> None:
        """Everybody wrote the same rows, and as many as were made."""
        counts = {side.rows for side in sides}
        made = self.data.made
        if case.export.where:
            counts = {sides[0].rows - made["above_level"]} | {sides[1].rows - made["few_events"]} | {0}
        if len(counts) > 1:
            raise Failed(f"the sides do not have the same rows: {[side.rows for side in sides]}")


def _files(out: Path) -> Iterator[Path]:
    if out.is_file():
        yield out
    yield from (path for path in out.rglob("*") if path.is_file())


def _size(files: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in files if not counting.is_about(path))


def _iso(days: int) -> str:
    return datetime.fromtimestamp((FIRST_DAY_MS + days * DAY_MS) / 1000, UTC).isoformat().replace("+00:00", "Z")


def lines(case: Case, pairs: Sequence[Pair]) -> Iterator[str]:
    """The case's lines of the table."""
    for rival, ours, theirs in pairs:
        walls = list(zip(ours.synced, theirs.synced, theirs.hashing, strict=True))
        plain = statistics.median(other / mine for mine, other, _ in walls)
        hashed = statistics.median((other + spent) / mine for mine, other, spent in walls)
        cpu = [one.median(lambda cost: cost.cpu) for one in (ours, theirs)]
        peak = [one.median(lambda cost: cost.peak) / 1e6 for one in (ours, theirs)]
        digits = 3 if case.again else 2
        cells = [
            case.title,
            rival.name,
            f"{statistics.median(ours.synced):.{digits}f}",
            f"{statistics.median(theirs.synced):.{digits}f}",
            f"{plain:.2f}x",
            f"{hashed:.2f}x" if rival.module else "",
            f"{rival.target:g}x",
            "met" if plain >= rival.target else "**missed**",
            "" if case.again else f"{cpu[0]:.1f} / {cpu[1]:.1f}",
            f"{peak[0]:.0f}" if case.again else f"{peak[0]:.0f} / {peak[1]:.0f}",
            f"{ours.bytes / 1e6:.0f} / {theirs.bytes / 1e6:.0f}",
            f"{ours.rows:,}",
        ]
        yield f"| {' | '.join(cells)} |"


HEADER = (
    "| work | rival | ours s | rival s | plain | rival hashed | at least | | CPU s | peak MB | out MB | rows |",
    "|---|---|---|---|---|---|---|---|---|---|---|---|",
)


def growth(root: Path, seed: int, rivals: Path, rounds: int, *, make: bool) -> Iterator[str]:
    """Time and memory of the export of everything, from small data to large. What is not there is made, or skipped."""
    yield "| events, JSON gzip, all days | seconds | CPU s | peak MB | |"
    yield "|---|---|---|---|---|"
    walls: dict[int, float] = {}
    for size in GROWTH:
        data = ensure(root, size, seed) if make else find(root, size, seed)
        if data is None:
            yield f"| {size:,} | | | | skipped: no such data in {root}; `--growth` makes it |"
            continue
        side = _growing(Bench(data, rivals, Traffic(size, seed).names), rounds)
        walls[size] = statistics.median(side.synced)
        peak = max(cost.peak for cost in side.costs)
        verdict = "met" if peak <= MEMORY_LIMIT else "**missed**"
        cpu = side.median(lambda cost: cost.cpu)
        yield f"| {side.rows:,} | {walls[size]:.2f} | {cpu:.1f} | {peak / 1e6:.0f} | {verdict} |"
    if {GROWTH[2], GROWTH[3]} <= walls.keys():
        slope = walls[GROWTH[3]] / walls[GROWTH[2]]
        verdict = "met" if slope <= SLOPE_LIMIT else "**missed**"
        yield f"| 30 M to 10 M | {slope:.2f}x | | at most {SLOPE_LIMIT}x | {verdict} |"


def _growing(bench: Bench, rounds: int) -> Measured:
    side, export = Measured(), replace(_JSON, packing="gzip")
    for _ in range(rounds):
        bench.warm()
        bench.ours(export, bench.columns(export), side)
    if side.rows != bench.data.made["events"]:
        raise Failed(f"{side.rows} rows instead of {bench.data.made['events']}")
    return side


def start_up(count: int = 3) -> float:
    """Seconds that the program takes to begin."""
    command = [sys.executable, "-m", "tailrace", "export", "--help"]
    return statistics.median(run(command, ROOT).wall for _ in range(count))


def table(data: Data, rivals: Path, rounds: int, only: Sequence[str]) -> Iterator[str]:
    """The cases, line by line, as they are done.

    Raises:
        Failed: a case did, after all the others were run.
    """
    failed = []
    bench = Bench(data, rivals, Traffic(data.made["events"], data.seed).names)
    yield from HEADER
    for case in CASES:
        if not only or case.name in only:
            try:
                yield from lines(case, bench.compare(case, rounds))
            except Failed as error:
                failed.append(f"{case.name}: {error}")
    yield ""
    yield f"`tailrace export --help` takes {start_up():.2f} s, which every line of ours holds but the repeat: there"
    yield "both sides are one process that has worked before, as a server's worker has, and only making the files and"
    yield "the manifest is timed; the memory is that of the process with all that it did."
    if failed:
        raise Failed("\n".join(failed))
