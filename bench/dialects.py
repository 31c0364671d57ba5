"""How quickly a request of a dialect is answered with a file, its POST included, against the native API: same store,
same window, warm server, in turn. And whether many requests at once bring each row once.

    python -m bench.dialects [--events N] [--rounds N] [--many N] [--root DIR]
"""

import argparse
import gzip
import json
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import numpy as np
import pyarrow.parquet as pq

from bench.data import APP, Data, ensure
from bench.servers import TOKEN, provision, served, wanted
from bench.traffic import DAY_MS, DAYS, FIRST_DAY_MS
from tailrace.model.clock import iso

API_KEY = "BENCHAPIKEY000000001"
FORMATS = ("JSON", "CSV", "XML")
COLUMNS = (
    *("session_start", "app_version", "session_duration_ms", "session_offset_ms", "device_ids", "device_model"),
    *("device_submodel", "country", "event", "params", "user_id", "gender", "birth_year", "latitude", "longitude"),
    "session_properties",
)
POLL_S = 0.01


def report(data: Data, rounds: int, many: int) -> Iterator[str]:
    """A table, line by line, then what came of many requests at once."""
    start, end = FIRST_DAY_MS, FIRST_DAY_MS + DAYS * DAY_MS
    with _server(data) as url:
        _raw_data(url, start, start + DAY_MS, "JSON")  # warm
        yield "| format, gzip | native API s | dialect s | ratio |"
        yield "|---|---|---|---|"
        for format_ in FORMATS:
            pairs = [(_native(url, start, end, format_), _raw_data(url, start, end, format_)[0]) for _ in range(rounds)]
            theirs, ours = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
            ratio = statistics.median(native / dialect for native, dialect in pairs)
            yield f"| {format_} | {theirs:.2f} | {ours:.2f} | {ratio:.2f}x |"
        yield ""
        yield _at_once(url, data, np.linspace(start, end, many + 1).astype(np.int64).tolist())


def _at_once(url: str, data: Data, seams: Sequence[int]) -> str:
    """Windows that join, asked for all at once."""
    windows = list(pairwise(seams))
    begin = time.perf_counter()
    with ThreadPoolExecutor(len(windows)) as pool:
        counts = list(pool.map(lambda window: _raw_data(url, window[0], window[1], "JSON")[1], windows))
    spent = time.perf_counter() - begin
    starts = np.concatenate(
        [
            pq.read_table(path, columns=["session_start"])["session_start"].cast("int64").to_numpy()
            for path in data.files("flat", DAYS)
        ]
    )
    sent = np.histogram(starts, bins=[*seams[:-1], seams[-1] - 1])[0].tolist()
    verdict = "each window has the rows that were sent" if counts == sent else "ROWS DIFFER from what was sent"
    return f"{len(windows)} requests at once for {sum(counts):,} rows: {spent:.1f} s, downloads included; {verdict}."


@contextmanager
def _server(data: Data) -> Iterator[str]:
    (data.store / "tailrace.toml").write_text("[exports]\ncache_bytes = 0\n")
    provision(data.store, wanted(APP, api_key=API_KEY))
    try:
        with served(data.store) as (url, _):
            yield url
    finally:
        (data.store / "tailrace.toml").unlink()


def _native(url: str, start: int, end: int, format_: str) -> float:
    window = {"axis": "session_start", "from": iso(start), "to": iso(end)}
    asked = {"app": APP, "window": window, "format": format_.lower(), "packing": "gzip", "columns": COLUMNS}
    begin = time.perf_counter()
    path = f"{url}/v1/exports/{_call(f'{url}/v1/exports', asked)['id']}"
    while (state := _call(path)["state"]) in ("queued", "running"):
        time.sleep(POLL_S)
    if state != "succeeded":
        raise SystemExit(f"the export is {state}")
    return time.perf_counter() - begin


def _raw_data(url: str, start: int, end: int, format_: str) -> tuple[float, int]:
    """Seconds until there is a link, and the lines of the file."""
    attributes = {"startTime": str(start), "endTime": str(end), "outputFormat": format_, "apiKey": API_KEY}
    begin = time.perf_counter()
    asked = _call(f"{url}/pulse/v1/rawData", {"data": {"type": "rawData", "attributes": attributes}})
    path = f"{url}/pulse/v1/rawData/{asked['data']['id']}"
    while (found := _call(path)["data"]["attributes"])["requestStatus"] == "Acknowledged":
        time.sleep(POLL_S)
    spent = time.perf_counter() - begin
    with urlopen(found["s3URI"]) as answer, gzip.open(answer) as lines:  # noqa: S310 - our own server
        return spent, sum(1 for _ in lines)


def _call(url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data, {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"})  # noqa: S310
    with urlopen(request) as answer:  # noqa: S310 - our own server
        return json.load(answer)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--many", type=int, default=100, help="requests at once")
    parser.add_argument("--root", type=Path, default=Path(".build/bench"))
    asked = parser.parse_args()
    for line in report(ensure(asked.root, asked.events, 7), asked.rounds, asked.many):
        print(line, flush=True)


if __name__ == "__main__":
    main()
