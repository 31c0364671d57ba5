"""How soon pages of the portal are answered over the data of the export bench, each as often as is asked for, in turn.

    python -m bench.pages [--events N] [--times N] [--copies N] [--root DIR]

With `--copies` each segment's row in the catalogue is written so often in a copy of the store: pages read statistics
of segments, of which as many events would have as many more, and making them takes hours.
"""

import argparse
import json
import shutil
import sqlite3
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from bench.data import APP, Data, ensure
from bench.servers import TOKEN, served
from bench.traffic import DAY_MS, DAYS, FIRST_DAY_MS
from tailrace.portal import PORTAL

SEED = 7
WANTED_MS = 100
# Pages of somebody else, of forms and of nobody: they show no data.
LEFT_OUT = ("/", "/setup", "/portal/login", "/portal/static/{name:path}")
QUERIES: Mapping[str, Sequence[str]] = {"/portal/explore/{id}": ("days=7", "days=30", "days=90")}


def report(url: str, times: int) -> Iterator[str]:
    """A table, line by line; the slowest page last."""
    connection = HTTPConnection(urlsplit(url).netloc)
    took = {path: _took(connection, path, times) for path in _paths(connection)}
    yield "| page | first ms | median ms | longest ms | kB |"
    yield "|---|---|---|---|---|"
    for path, (spent, size) in sorted(took.items(), key=lambda item: statistics.median(item[1][0][1:])):
        first, *others = spent
        yield f"| {path} | {first:.0f} | {statistics.median(others):.1f} | {max(others):.0f} | {size / 1000:.0f} |"
    slow = [path for path, (spent, _) in took.items() if statistics.median(spent[1:]) > WANTED_MS]
    yield ""
    yield f"{len(took)} pages; {len(slow)} of them take more than {WANTED_MS} ms in the middle."


def _paths(connection: HTTPConnection) -> Iterator[str]:
    """The address of each page that shows data: of the app of the bench, its first user and its newest export."""
    exports = json.loads(_get(connection, "/v1/exports?limit=1")[1])["exports"]
    for operation in PORTAL.operations:
        path = operation.path
        if operation.method != "GET" or path in LEFT_OUT:
            continue
        if path == "/portal/downloads/{id}":
            yield from (path.format(id=one["id"]) for one in exports)
        elif path.endswith("/people/{actor}"):
            yield _card(connection)
        elif path.startswith("/portal/admin/users/"):
            yield path.format(id="usr_1")
        else:
            queries = QUERIES.get(path, ("",))
            yield from (path.format(id=APP) + (f"?{query}" if query else "") for query in queries)


def _card(connection: HTTPConnection) -> str:
    """The page of the first user: the search leads to it."""
    connection.request("GET", f"/portal/explore/{APP}/people?who=1", headers=_HEADERS)
    answer = connection.getresponse()
    answer.read()
    return answer.headers["location"]


def _took(connection: HTTPConnection, path: str, times: int) -> tuple[list[float], int]:
    """How long each answer took (ms), and its bytes."""
    spent, size = [], 0
    for _ in range(times + 1):
        begin = time.perf_counter()
        status, body = _get(connection, path)
        spent.append((time.perf_counter() - begin) * 1000)
        size = len(body)
        if status != 200:
            raise SystemExit(f"{path} answers {status}")
    return spent, size


_HEADERS = {"authorization": f"Bearer {TOKEN}"}


def _get(connection: HTTPConnection, path: str) -> tuple[int, bytes]:
    connection.request("GET", path, headers=_HEADERS)
    answer = connection.getresponse()
    return answer.status, answer.read()


@contextmanager
def _copied(data: Data, copies: int) -> Iterator[Path]:
    """A copy of the store whose files are those of the store, and whose segments are so many times as many."""
    with TemporaryDirectory(dir=data.store.parent) as name:
        store = Path(name) / "store"
        shutil.copytree(data.store, store, copy_function=_linked)
        with sqlite3.connect(store / "meta.db") as connection:
            columns = [row[1] for row in connection.execute("PRAGMA table_info(segments)") if row[1] != "number"]
            named = ", ".join(f'"{column}"' for column in columns)
            (before,) = connection.execute("SELECT max(number) FROM segments").fetchone()
            for _ in range(copies - 1):
                connection.execute(
                    f"INSERT INTO segments ({named}) SELECT {named} FROM segments WHERE number <= ?",  # noqa: S608
                    (before,),
                )
        _set_clock(store)
        yield store


def _set_clock(store: Path) -> None:
    """It is the evening of the last day of the data, so that pages show it."""
    clock = store / "clock"
    clock.write_text(str(FIRST_DAY_MS + DAYS * DAY_MS - 1 - time.time_ns() // 1_000_000))
    (store / "tailrace.toml").write_text(f'test_clock = "{clock}"\n')


def _linked(source: str, target: str) -> None:
    """Objects never change, so that one more name does; databases are copied."""
    if Path(source).suffix.startswith(".db"):
        shutil.copy2(source, target)
    else:
        Path(target).hardlink_to(source)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--copies", type=int, default=10)
    parser.add_argument("--root", type=Path, default=Path(".build/bench"))
    asked = parser.parse_args()
    data = ensure(asked.root, asked.events, SEED)
    with _copied(data, asked.copies) as store, served(store, "--no-worker") as (url, _):
        for line in report(url, asked.times):
            print(line, flush=True)


if __name__ == "__main__":
    main()
