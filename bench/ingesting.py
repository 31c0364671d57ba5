"""How many events per second are acknowledged, durably, over HTTP, with dedupe, sessions and seals running beside.

    python -m bench.ingesting [--seconds S] [--rounds N] [--known IDS] [--long EVENTS] [--root DIR]

Ours are `tailrace serve --no-worker` and `tailrace worker` as they come; the rival is a service with a row per event
(bench/rivals/collector.py). The sender is a process on the same cores. Both are measured in turn, on empty stores.
"""

import argparse
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import insert

from bench.process import Failed, memory_of
from bench.servers import WRITE_KEY, command, free_port, make_store, running, served, wanted
from tailrace.accounts.lookup import scope_of_app
from tailrace.db.tables import id_runs, owner
from tailrace.model.objects import run_name
from tailrace.store.ledger import ledger
from tailrace.store.runs import LARGEST_MERGE, Keys, write_run
from tailrace.store.shards import shards_of
from tailrace.wiring import House, open_house

APP = "app_ingest"
RIVAL = Path(__file__).parent / "rivals/collector.py"
RUN_IDS = LARGEST_MERGE
P99_MS, MEMORY = 100, 512 << 20
LOOK_S = 0.25


class Case(NamedTuple):
    """Batches of so many events, and how many events per second are wanted."""

    size: int
    wanted: int


CASES = (Case(500, 50_000), Case(50, 25_000))


class Asked(NamedTuple):
    """What to measure: `known` ids beforehand and `long` events get a row each, unless 0."""

    root: Path
    rounds: int
    seconds: float = 20
    known: int = 100_000_000
    long: int = 30_000_000


class Sent(NamedTuple):
    """What a sender saw: events per second, and how long acknowledgements took, ms."""

    events: int
    rate: float
    p50: float
    p99: float


def report(asked: Asked) -> Iterator[str]:
    """Tables, line by line."""
    yield "| events a batch | rival events/s | ours | ratio | at least | wanted | | seal behind by s | peak MB |"
    yield "|---|---|---|---|---|---|---|---|---|"
    rates = {}
    for case in CASES:
        pairs = [(_rival(asked, case), _ours(asked, case)) for _ in range(asked.rounds)]
        rates[case] = statistics.median(ours.sent.rate for _, ours in pairs)
        yield _row(case, pairs)
    yield ""
    yield "| events a batch | | events/s | acknowledged p50 ms | p99 ms | | seal behind by s | peak MB |"
    yield "|---|---|---|---|---|---|---|---|"
    for case in CASES:
        half = _ours(asked, case, rate=rates[case] / 2)
        yield _slow_row(case, "at half of the above", half, half.sent.p99 <= P99_MS)
    if asked.known:
        many = _ours(asked, CASES[0], known=asked.known)
        fall = 1 - many.sent.rate / rates[CASES[0]]
        yield _slow_row(CASES[0], f"with {asked.known:,} known ids: {fall:.0%} less", many, None)
    if asked.long:
        long = _ours(asked, CASES[0], events=asked.long)
        yield _slow_row(CASES[0], f"{long.sent.events:,} events", long, long.peak <= MEMORY)


class Run(NamedTuple):
    """What was sent, how long the seal needed to catch up afterwards (s), and the most memory of all processes."""

    sent: Sent
    behind: float
    peak: int


def _row(case: Case, pairs: Sequence[tuple[Sent, Run]]) -> str:
    theirs = statistics.median(rival.rate for rival, _ in pairs)
    ours = statistics.median(run.sent.rate for _, run in pairs)
    ratio = statistics.median(run.sent.rate / rival.rate for rival, run in pairs)
    verdict = "met" if ours >= case.wanted and ratio >= 2 else "**missed**"
    behind, peak = max(run.behind for _, run in pairs), max(run.peak for _, run in pairs)
    return (
        f"| {case.size} | {theirs:,.0f} | {ours:,.0f} | {ratio:.2f}x | 2x | {case.wanted:,} | {verdict} "
        f"| {behind:.1f} | {peak / 1e6:.0f} |"
    )


def _slow_row(case: Case, what: str, run: Run, met: bool | None) -> str:
    verdict = "" if met is None else "met" if met else "**missed**"
    sent = run.sent
    return (
        f"| {case.size} | {what} | {sent.rate:,.0f} | {sent.p50:.0f} | {sent.p99:.0f} | {verdict} "
        f"| {run.behind:.1f} | {run.peak / 1e6:.0f} |"
    )


def _rival(asked: Asked, case: Case) -> Sent:
    with TemporaryDirectory(dir=asked.root.absolute()) as name:
        folder, port = Path(name), free_port()
        service = [sys.executable, str(RIVAL), str(folder / "rival.db"), str(port)]
        with running(service, folder / "rival.log", port):
            return _send(f"http://127.0.0.1:{port}", case.size, asked.seconds)


def _ours(asked: Asked, case: Case, *, rate: float = 0, known: int = 0, events: int = 0) -> Run:
    with TemporaryDirectory(dir=asked.root.absolute()) as name:
        data = _store(Path(name), known)
        worker = running(command(["worker"], data), data.parent / "worker.log")
        with served(data, "--no-worker") as (url, server), worker as beside, _peak(server, beside) as peak:
            sent = _send(url, case.size, asked.seconds, rate, events)
            return Run(sent, _caught_up(data, sent.events), max(peak))


def _store(folder: Path, known: int) -> Path:
    data = folder / "data"
    make_store(data, wanted(APP, write_key=WRITE_KEY))
    if known:
        with open_house(data) as house:
            _know(house, known)
    return data


def _know(house: House, ids: int) -> None:
    """Runs of ids that nobody sends: as if so many had been sealed within the horizon."""
    scope = scope_of_app(house.database, APP)
    with house.database.read() as connection:
        (shard, *_) = shards_of(connection, scope)
    chance = np.random.default_rng(7)
    for number, start in enumerate(range(0, ids, RUN_IDS)):
        count = min(RUN_IDS, ids - start)
        high, low = (chance.integers(0, 1 << 64, count, dtype=np.uint64) for _ in range(2))
        key = run_name(scope, shard.bucket, 0, f"bench-{number}")
        write_run(house.files, key, Keys(high, low))
        row = {"shard": shard.number, "object": key, "key_ref": "", "ids": count, "newest_at": house.clock.now()}
        with house.database.write() as connection:
            connection.execute(insert(id_runs).values(**owner(scope), **row))


def _send(url: str, size: int, seconds: float, rate: float = 0, events: int = 0) -> Sent:
    sender = [sys.executable, "-m", "bench.sender", url, WRITE_KEY, "--size", str(size), "--rate", str(rate)]
    sender += ["--seconds", "1000000", "--events", str(events)] if events else ["--seconds", str(seconds)]
    done = subprocess.run(sender, check=True, capture_output=True, text=True)
    said: dict[str, Any] = json.loads(done.stdout)
    return Sent(said["events"], said["events"] / said["seconds"], said["p50"], said["p99"])


def _caught_up(data: Path, sent: int) -> float:
    """Seconds until every session that ended is sealed; fails if anything that was acknowledged is missing."""
    begin = time.perf_counter()
    with open_house(data) as house:
        scope = scope_of_app(house.database, APP)
        sealed = -1
        while True:
            book = ledger(house.database, scope)
            if book.accepted < sent:
                raise Failed(f"{sent - book.accepted} acknowledged events are missing")
            if not book.open or book.sealed == sealed:
                return time.perf_counter() - begin
            sealed = book.sealed
            time.sleep(3)  # longer than a look of the seal: what does not move any more waits for its session's end


@contextmanager
def _peak(*pids: int) -> Iterator[list[int]]:
    """Memory of some process trees, looked at now and then."""
    seen = [0]
    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOK_S):
            seen.append(sum(map(memory_of, pids)))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path(".build/bench"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20, help="of one measurement")
    parser.add_argument("--known", type=int, default=0, help="ids that are known beforehand, in a row of its own")
    parser.add_argument("--long", type=int, default=0, help="events of a long run, in a row of its own")
    asked = Asked(**vars(parser.parse_args()))
    asked.root.mkdir(parents=True, exist_ok=True)
    try:
        for line in report(asked):
            print(line, flush=True)
    except Failed as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
