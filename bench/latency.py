"""How soon a small export is ready after it was asked for: a day of 1,000 sessions, from a server that is warm.

A real server process answers over HTTP. Each export leaves out another column, so that no cache of parts answers for
the engine. Measured from before the POST is sent to the answer that says `succeeded`, asked for every few ms.

    python -m bench.latency [--database URL] [--exports N]
"""

import argparse
import itertools
import json
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import Request, urlopen

from bench.servers import TOKEN, WRITE_KEY, make_store, served, wanted

APP = "app_latency"
SESSIONS, EVENTS = 1_000, 12  # of each session
DAY = ("2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z")
START_MS = 1_767_571_200_000
POLL_S = 0.003
TARGET_MS = 300
COLUMNS = ("user_id", "country", "app_version", "platform", "params", "received_at", "level", "value")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", default="")
    parser.add_argument("--exports", type=int, default=40)
    asked = parser.parse_args()
    with TemporaryDirectory() as folder, _server(Path(folder), asked.database) as url:
        _send(url)
        first = _export(url, COLUMNS)
        orders = itertools.islice(itertools.permutations(COLUMNS), 1, asked.exports + 1)
        times = sorted(_export(url, columns) for columns in orders)
    p50, p95 = statistics.median(times), times[int(len(times) * 0.95)]
    verdict = "met" if p50 <= TARGET_MS else "missed"
    print(f"{len(times)} exports of {SESSIONS * EVENTS:,} events in {SESSIONS:,} sessions, one at a time")
    print(f"first {first:.0f} ms, p50 {p50:.0f} ms, p95 {p95:.0f} ms, most {times[-1]:.0f} ms: {verdict}")


@contextmanager
def _server(folder: Path, database: str) -> Iterator[str]:
    data = folder / "data"
    data.mkdir()
    (data / "tailrace.toml").write_text(f'database = "{database}"\n[seal]\ninterval_ms = 200\n')
    make_store(data, wanted(APP, write_key=WRITE_KEY))
    with served(data) as (url, _):
        yield url


def _send(url: str) -> None:
    """Sessions that end at once, spread over the day; wait until they are sealed."""
    for start in range(0, SESSIONS, 100):
        batch = range(start, start + 100)
        _call(url, "/v1/events", {"batch": [_event(s, n) for s in batch for n in range(EVENTS)]}, WRITE_KEY)
    while _manifest(url, ("event",))["rows"] < SESSIONS * EVENTS:
        time.sleep(0.2)


def _event(session: int, number: int) -> dict[str, Any]:
    at = START_MS + session * 80_000 + number * 1_000
    return {
        "id": f"{session}-{number}",
        "event": f"event {number % 7}",
        "time": at,
        "device_id": f"d{session}",
        "session_id": f"s{session}",
        "params": {"level": number, "name": f"value {session % 50}", "price": number * 1.5},
        "session": {"app_version": "1.2", "country": "DE", "platform": "ios", "end": number == EVENTS - 1},
    }


def _export(url: str, columns: Sequence[str]) -> float:
    """Milliseconds from the request until it is ready."""
    begin = time.perf_counter()
    _ready(url, columns)
    return (time.perf_counter() - begin) * 1000


def _ready(url: str, columns: Sequence[str]) -> str:
    window = {"axis": "session_start", "from": DAY[0], "to": DAY[1]}
    made = _call(url, "/v1/exports", {"app": APP, "window": window, "columns": ["id", "time", *columns]})
    path = f"/v1/exports/{made['id']}"
    while (state := _call(url, path)["state"]) in ("queued", "running"):
        time.sleep(POLL_S)
    if state != "succeeded":
        raise SystemExit(f"the export is {state}")
    return path


def _manifest(url: str, columns: Sequence[str]) -> Any:
    return _call(url, f"{_ready(url, columns)}/manifest")


def _call(url: str, path: str, body: Any = None, token: str = TOKEN) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"authorization": f"Bearer {token}"}
    with urlopen(Request(url + path, data, headers)) as answer:  # noqa: S310 - our own server
        return json.load(answer)


if __name__ == "__main__":
    main()
