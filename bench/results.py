"""Runs the benches and writes what came out as Markdown.

    scripts/bench [--events N] [--rounds N] [--only CASE ...] [--growth]

With --only the tables go to stdout alone, since they are not the whole. The table of growth takes the data that is
there, unless --growth asks for all of it.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from bench import exporting, importing, ingesting, machine, serving
from bench.data import FEW_DAYS, ensure
from bench.process import Failed
from bench.traffic import DAYS, EVENT_COLUMNS, SESSION_COLUMNS

IMPORT = "import"
GROWTH = "growth"
SERVING = "serving"
INGEST = "ingest"
RIVALS = ("duckdb", "chdb", "polars", "orjson")


def parser() -> argparse.ArgumentParser:
    """The options."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cases = [IMPORT, INGEST, *(case.name for case in exporting.CASES), GROWTH, SERVING]
    options.add_argument("--events", type=int, default=exporting.GROWTH[2], help="about how many events are exported")
    options.add_argument("--seed", type=int, default=7, help="another one makes other data")
    options.add_argument("--rows", type=int, default=500_000, help="events that are imported")
    options.add_argument("--rounds", type=int, default=3, help="times that each side runs")
    options.add_argument("--only", action="append", choices=cases, help="a case, repeatable; all without it")
    options.add_argument("--growth", action="store_true", help="make the data of 1, 3, 10 and 30 M events")
    options.add_argument("--root", type=Path, default=exporting.ROOT / ".build/bench", help="where data lies")
    options.add_argument("--rivals", type=Path, default=Path(".build/bench-venv/bin/python"), help="their Python")
    options.add_argument("--out", type=Path, help="where the whole goes; stdout in any case")
    return options


def sections(asked: argparse.Namespace) -> Iterator[str]:
    """All that was asked for, line by line, as it is done."""
    only = [name for name in asked.only or () if name not in (IMPORT, INGEST, GROWTH, SERVING)]
    asked.root.mkdir(parents=True, exist_ok=True)
    yield "# Results"
    yield ""
    yield f"{machine.describe()}. {machine.versions(asked.rivals, RIVALS)}."
    yield f"The disk takes {machine.disk_speed(asked.root) / 1e9:.2f} GB/s (2 GiB in 1 MiB writes, synced)."
    yield "Written by `scripts/bench`."
    if not asked.only or IMPORT in asked.only:
        yield ""
        report = importing.report(asked.rows, *importing.rounds(asked.rows, asked.rounds))
        yield report.replace("# Results", "## Import").strip()
    if not asked.only or INGEST in asked.only:
        yield ""
        yield from _ingest(asked)
    if not asked.only or only:
        yield ""
        yield from _exports(asked, only)
    if asked.growth or not asked.only or GROWTH in asked.only:
        yield ""
        yield from exporting.growth(asked.root, asked.seed, asked.rivals, asked.rounds, make=asked.growth)
    if not asked.only or SERVING in asked.only:
        yield ""
        yield from _serving(asked)


def _ingest(asked: argparse.Namespace) -> Iterator[str]:
    yield "## Ingest"
    yield ""
    yield "Events acknowledged per second over HTTP, durably, from 4 connections of one process on the same cores, with"
    yield "dedupe, sessions and seals running (`serve --no-worker` and `worker`). The rival is a service that parses a"
    yield f"request and commits a row per event, and no more. {asked.rounds} rounds in turn, medians, empty stores."
    yield ""
    yield from ingesting.report(ingesting.Asked(asked.root, asked.rounds))


def _serving(asked: argparse.Namespace) -> Iterator[str]:
    yield "## Serving"
    yield ""
    yield "Files of an export on loopback, by signed links, to one client process; nginx sends the same files."
    yield f"{asked.rounds} rounds in turn, medians; ratios are taken pair by pair."
    yield ""
    yield from serving.report(asked.rounds, asked.root)


def _exports(asked: argparse.Namespace, only: list[str]) -> Iterator[str]:
    data = ensure(asked.root, asked.events, asked.seed)
    made = data.made
    yield "## Export"
    yield ""
    yield f"{made['events']:,} events in {made['sessions']:,} sessions over {DAYS} days; {FEW_DAYS} days are"
    columns = len(SESSION_COLUMNS) + len(EVENT_COLUMNS)
    yield f"{made['few_events']:,} events. A row has {columns} columns."
    yield ""
    yield "Whole processes with 2 threads, start-up included, up to the synced file; the inputs of both were read once"
    yield f"before. The rival and ours run in turn, {asked.rounds} rounds, medians; ratios are taken pair by pair. Ours"
    yield "also hashes the file and its rows: *rival hashed* adds a plain SHA-256 of the file to the rival's time. CPU"
    yield "is user and system time of the process tree. Memory is PSS of the process tree, 20 samples a second. Pairs"
    yield "of numbers are ours / the rival's."
    yield ""
    yield from exporting.table(data, asked.rivals, asked.rounds, only)


def main() -> None:
    """Run what is asked for."""
    asked = parser().parse_args()
    asked.rivals = Path(os.path.abspath(asked.rivals))  # noqa: PTH100 - resolve() would leave the environment
    done = []
    try:
        for line in sections(asked):
            print(line, flush=True)
            done.append(line)
    except Failed as error:
        sys.exit(f"error: {error}")
    if asked.out and not asked.only:
        asked.out.write_text("\n".join([*done, ""]))


if __name__ == "__main__":
    main()
