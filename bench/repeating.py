"""The same export twice in one process that has worked before, as a server's worker would make it.

    python -m bench.repeating STORE OUT COLUMNS RESULT

Exports the first day as JSON in gzip, twice, after another day has woken everything up. What is timed is making the
files, synced and hashed, and the manifest; planning is said beside. RESULT becomes JSON: seconds of both, and rows.
"""

import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
from msgspec.structs import replace

from bench.data import APP
from bench.traffic import DAY_MS, FIRST_DAY_MS
from tailrace.accounts.lookup import scope_of_app
from tailrace.exports.making import Maker, make_files, plan_export
from tailrace.exports.manifests import make_manifest, totals_of
from tailrace.exports.submit import prepare
from tailrace.files.local import LocalFiles
from tailrace.model.export import ExportRequest
from tailrace.model.window import Window
from tailrace.wiring import House, open_house


@dataclass(frozen=True, slots=True)
class Done:
    """One export: seconds of planning and of making, and its rows."""

    planned: float
    made: float
    rows: int


def request_of(day: int, columns: tuple[str, ...]) -> ExportRequest:
    """A day of event JSON in gzip, unfiltered."""
    begin = FIRST_DAY_MS + day * DAY_MS
    return ExportRequest(
        app=APP, window=Window("session_start", begin, begin + DAY_MS), format="json", packing="gzip", columns=columns
    )


def export(house: House, maker: Maker, request: ExportRequest, out: Path) -> Done:
    """Make an export as `tailrace export` does."""
    os.sync()  # the disk is not busy with what came before
    out.mkdir(parents=True)
    files = LocalFiles(out)
    began = time.perf_counter()
    prepared, resolved = prepare(house.submitter(), scope_of_app(house.database, APP), request)
    plan = plan_export(house.database, prepared, resolved)
    planned = time.perf_counter()
    prefix = f"{prepared.scope.prefix}/exports/{prepared.id}/0"
    made = make_files(
        replace(maker, files=files), prepared, plan, lambda name: f"{prefix}/{name}", str, lambda _done, _rows: None
    )
    with house.database.read() as connection:
        totals = totals_of(connection, prepared, resolved)
    document = make_manifest(house.identity, prepared, resolved, totals, made)
    with files.create("manifest.json") as sink:
        sink.write(msgspec.json.format(msgspec.json.encode(document), indent=2))
    return Done(planned - began, time.perf_counter() - planned, document["rows"])


def main() -> None:
    """Another day, then the first day twice."""
    store, out, result = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[4])
    columns = tuple(sys.argv[3].split(","))
    with open_house(store) as house, house.maker(house.files) as maker:
        export(house, maker, request_of(1, columns), out / "other")
        first = export(house, maker, request_of(0, columns), out / "first")
        again = export(house, maker, request_of(0, columns), out / "again")
    result.write_text(json.dumps({"first": asdict(first), "again": asdict(again)}))


if __name__ == "__main__":
    main()
