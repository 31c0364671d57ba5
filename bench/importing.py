"""How fast a file of native NDJSON records comes into the inbox, durably, on one core, against a row loop.

    bench/importing.py [--rows N] [--rounds N] [--out FILE]

The rival does what a service without columns does: json.loads each line, check it, and insert a row per event into
SQLite with synchronous=FULL, a commit per 1 000 rows. Both are whole processes on the same file and core, in turn.
Prints a Markdown table of medians; `scripts/bench` writes it to bench/RESULTS.md.
"""

import argparse
import json
import os
import platform
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROVISIONING = """
[[spaces]]
id = "bench"
[[spaces.apps]]
id = "app"
"""


def write_events(path: Path, rows: int) -> None:
    """A file of plausible events: 12 names, 8 parameters, a session object on each tenth."""
    chance = random.Random(7)  # noqa: S311 - a bench wants the same numbers each time
    with path.open("w") as file:
        for n in range(rows):
            session = n // 10
            record: dict[str, object] = {
                "id": f"e{n:09d}",
                "event": f"event_{chance.randrange(12)}",
                "time": 1_767_323_045_678 + n * 37,
                "device_id": f"device-{session % 5000:05d}",
                "session_id": f"session-{session:08d}",
                "params": {
                    f"key_{k}": chance.choice([chance.random(), chance.randrange(1000), "a word or two"])
                    for k in range(8)
                },
            }
            if n % 10 == 0:
                record["session"] = {"app_version": "1.2.3", "country": "DE", "device_model": "Pixel 7"}
            file.write(json.dumps(record) + "\n")


def row_loop(path: Path, database: Path) -> None:
    """The rival."""
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(
        "CREATE TABLE events (id TEXT PRIMARY KEY, event TEXT, time INTEGER, device TEXT, session TEXT, params TEXT)"
    )
    with path.open() as file:
        for number, line in enumerate(file, 1):
            record = json.loads(line)
            if not record["event"] or not record["device_id"]:
                raise ValueError(line)
            row = (record["id"], record["event"], record["time"], record["device_id"], record["session_id"])
            connection.execute(
                "INSERT OR IGNORE INTO events VALUES (?,?,?,?,?,?)", (*row, json.dumps(record["params"]))
            )
            if number % 1000 == 0:
                connection.commit()
    connection.commit()


def timed(command: list[str]) -> float:
    """Wall seconds of a process pinned to one core."""
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, preexec_fn=lambda: os.sched_setaffinity(0, {0}))
    return time.perf_counter() - begin


def rounds(rows: int, count: int) -> tuple[list[float], list[float]]:
    """Seconds of ours and of the rival, round by round."""
    ours, rival = [], []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        events, wanted = place / "events.ndjson", place / "wanted.toml"
        write_events(events, rows)
        wanted.write_text(PROVISIONING)
        for number in range(count):
            data = place / f"data-{number}"
            tailrace = [sys.executable, "-m", "tailrace"]
            subprocess.run([*tailrace, "init", "--data", str(data)], check=True, stdout=subprocess.DEVNULL)
            subprocess.run(
                [*tailrace, "apply", str(wanted), "--data", str(data)], check=True, stdout=subprocess.DEVNULL
            )
            ours.append(timed([*tailrace, "import", str(events), "--data", str(data), "--app", "app", "--json"]))
            rival.append(timed([sys.executable, __file__, "--rival", str(events), str(place / f"rival-{number}.db")]))
    return ours, rival


def report(rows: int, ours: list[float], rival: list[float]) -> str:
    """The table."""
    ratio = statistics.median(r / o for o, r in zip(ours, rival, strict=True))
    mine, other = statistics.median(ours), statistics.median(rival)
    lines = [
        "# Results",
        "",
        f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores; whole processes, start-up",
        f"included, one core, {len(ours)} rounds in turn, medians. Written by `scripts/bench`.",
        "",
        f"| import of {rows:,} NDJSON events into the durable inbox | rows/s | seconds |",
        "|---|---|---|",
        f"| `tailrace import` | {rows / mine:,.0f} | {mine:.2f} |",
        f"| row loop: json, SQLite, commit per 1 000 | {rows / other:,.0f} | {other:.2f} |",
        f"| ratio, pair by pair | {ratio:.1f}x | |",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Run as the bench, or as the rival."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=500_000, help="events in the file")
    parser.add_argument("--rounds", type=int, default=5, help="times that each runs")
    parser.add_argument("--out", type=Path, help="where to write the table; stdout without it")
    parser.add_argument("--rival", nargs=2, type=Path, metavar=("FILE", "DATABASE"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.rival:
        row_loop(*asked.rival)
        return
    text = report(asked.rows, *rounds(asked.rows, asked.rounds))
    if asked.out:
        asked.out.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
