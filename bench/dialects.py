"""How quickly a request of a dialect is answered with a file, its POST included, against the native API: same store,
same window, warm server, in turn. And whether many requests at once bring each row once.

    python -m bench.dialects [--events N] [--rounds N] [--many N] [--root DIR]
"""

import argparse
import gzip
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

import numpy as np
import pyarrow.parquet as pq

from bench.data import APP, Data, ensure
from bench.servers import TOKEN, provision, served, wanted
from bench.traffic import DAY_MS, DAYS, FIRST_DAY_MS
from tailrace.model.clock import iso

API_KEY, EXPORT_KEY = "BENCHAPIKEY000000001", "bench_export_key"
START, END = FIRST_DAY_MS, FIRST_DAY_MS + DAYS * DAY_MS
FORMATS = ("JSON", "CSV", "XML")
COLUMNS = (
    *("session_start", "app_version", "session_duration_ms", "session_offset_ms", "device_ids", "device_model"),
    *("device_submodel", "country", "event", "params", "user_id", "gender", "birth_year", "latitude", "longitude"),
    "session_properties",
)
# What a vendor's clients may ask for is not what is measured.
LIMITS = """
[limits]
"devtodev.apart_ms" = 0
"devtodev.max_age_days" = 0
"devtodev.per_day_of_user" = 0
"devtodev.per_day_of_space" = 0
"fullstory.burst" = 0
"fullstory.bundle_seconds" = 1800
"leanplum.max_age_days" = 0
"leanplum.per_day" = 0
"""
POLL_S = 0.01
HISTORY_DAYS = 30  # of bundles
LISTINGS = 10  # of all pages


@dataclass(frozen=True, slots=True)
class Case:
    """A dialect's request for everything, and the native one that comes nearest to it."""

    title: str
    native: dict[str, Any]
    dialect: Callable[[str], float]  # of the server's URL: seconds


def report(data: Data, rounds: int, many: int) -> Iterator[str]:
    """A table, line by line, then what came of many requests at once."""
    with _server(data) as url:
        _raw_data(url, START, START + DAY_MS, "JSON")  # warm
        yield "| request | native API s | dialect s | ratio |"
        yield "|---|---|---|---|"
        for case in _cases(_names(url)):
            pairs = [(_native(url, case.native), case.dialect(url)) for _ in range(rounds)]
            theirs, ours = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
            ratio = statistics.median(native / dialect for native, dialect in pairs)
            yield f"| {case.title} | {theirs:.2f} | {ours:.2f} | {ratio:.2f}x |"
        yield ""
        yield _at_once(url, data, np.linspace(START, END, many + 1).astype(np.int64).tolist())
        yield ""
        yield _bundles(url)


def _cases(names: Sequence[str]) -> Iterator[Case]:
    sessions = {"window": {"axis": "session_start", "from": iso(START), "to": iso(END)}}
    events = {"window": {"axis": "event_time", "from": iso(START), "to": iso(END)}}
    for format_ in FORMATS:
        native = {**sessions, "format": format_.lower(), "packing": "gzip", "columns": COLUMNS}
        yield Case(f"Flurry {format_}, gzip", native, _raw_data_in(format_))
    native = {**sessions, "shape": "sessions", "split": "size", "packing": "none"}
    yield Case("Leanplum JSON; sessions with their events, plain", native, _export_data)
    tables = {**events, "shape": "tables", "format": "csv", "packing": "zip"}
    yield Case("devtodev zip; a CSV for each event, and users", tables, lambda url: _raw_export(url, []))
    where = {"where": [{"param": "level", "op": "gt", "value": 5000}]}
    few = [{"name": name, "filters": {"level": {"gt": 5000}}} for name in names]
    yield Case("the same with a filter that keeps 1 %", {**tables, "filters": where}, lambda url: _raw_export(url, few))


def _names(url: str) -> Sequence[str]:
    """The names of all events, page by page."""
    page = _call(f"{url}/v1/apps/{APP}/events")
    names = [event["name"] for event in page["events"]]
    while page["next"]:
        page = _call(f"{url}/v1/apps/{APP}/events?{urlencode({'after': page['next']})}")
        names += [event["name"] for event in page["events"]]
    return names


def _raw_data_in(format_: str) -> Callable[[str], float]:
    return lambda url: _raw_data(url, START, END, format_)[0]


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


def _bundles(url: str) -> str:
    """All pages of the list of bundles of the last thirty days, once they are made."""
    begin = time.perf_counter()
    while not (pages := _pages(url)) or sum(len(page) for page, _ in pages) < HISTORY_DAYS * 48 - 3:
        time.sleep(1)
    count, made = sum(len(page) for page, _ in pages), time.perf_counter() - begin
    took = sorted(seconds * 1000 for _ in range(LISTINGS) for _, seconds in _pages(url))
    median, p99 = statistics.median(took), took[len(took) * 99 // 100]
    return f"{count:,} bundles after {made:.0f} s; a page of their list: median {median:.1f} ms, p99 {p99:.1f} ms."


def _pages(url: str) -> list[tuple[Any, float]]:
    """The pages that there are, and how long each took."""
    pages: list[tuple[Any, float]] = []
    stop, connection = 0, HTTPConnection(urlsplit(url).netloc)
    while True:
        begin = time.perf_counter()
        connection.request("GET", f"/api/v1/export/list?start={stop}", headers={"authorization": f"Basic {TOKEN}"})
        answer = connection.getresponse()
        body = answer.read()
        took = time.perf_counter() - begin
        page = json.loads(body).get("exports")
        if answer.status != 200 or not page:
            return pages
        pages.append((page, took))
        stop = page[-1]["Stop"]


@contextmanager
def _server(data: Data) -> Iterator[str]:
    (data.store / "tailrace.toml").write_text("[exports]\ncache_bytes = 0\n")
    provision(data.store, wanted(APP, api_key=API_KEY, export_key=EXPORT_KEY) + LIMITS)
    try:
        with served(data.store) as (url, _):
            yield url
    finally:
        (data.store / "tailrace.toml").unlink()


def _native(url: str, asked: dict[str, Any]) -> float:
    begin = time.perf_counter()
    path = f"{url}/v1/exports/{_call(f'{url}/v1/exports', {'app': APP, **asked})['id']}"
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


def _export_data(url: str) -> float:
    """Seconds until the files of all Pacific days are there."""
    known = {"appId": APP, "clientKey": EXPORT_KEY}
    days = {"startDate": iso(START - DAY_MS)[:10].replace("-", ""), "endDate": iso(END)[:10].replace("-", "")}
    begin = time.perf_counter()
    job = _call(f"{url}/api?{urlencode({**known, **days, 'action': 'exportData'})}")["response"][0]["jobId"]
    look = f"{url}/api?{urlencode({**known, 'jobId': job, 'action': 'getExportResults'})}"
    while (state := _call(look)["response"][0]["state"]) in ("PENDING", "RUNNING"):
        time.sleep(POLL_S)
    if state != "FINISHED":
        raise SystemExit(f"the job is {state}")
    return time.perf_counter() - begin


def _raw_export(url: str, events: Sequence[Any]) -> float:
    """Seconds until the archive is there."""
    base, token = f"{url}/api/v1/rawexport", {"user_token": TOKEN}
    job = {"app_id": APP, "start_date": START // 1000, "end_date": END // 1000, "events": events}
    begin = time.perf_counter()
    look = {**token, "job_id": _call(f"{base}/setjob", {**token, **job})["data"]}
    while (found := _call(f"{base}/getprogress", look)["data"])["status"] != "complete":
        time.sleep(POLL_S)
    if "url" not in found["result"]:
        raise SystemExit(f"there is no archive: {found}")
    return time.perf_counter() - begin


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
