"""What must be true of a world when all is over, found out by means that share nothing with the exports."""

import csv
import gzip
import hashlib
import io
import json
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from xml.etree import ElementTree

import pyarrow.parquet as pq

from tailrace.accounts.lookup import scope_of_app
from tailrace.model.clock import HOUR, iso
from tailrace.store.ledger import ledger
from tailrace.upkeep.sweep import sweep
from tests.crash.backends import Row
from tests.crash.traffic import CHAIN
from tests.crash.worlds import Tenant, World

csv.field_size_limit(sys.maxsize)


class Seen(NamedTuple):
    """As much of an event as tells it from others and from a damaged one."""

    id: str
    event: str
    time: str
    n: int


def assert_whole(world: World) -> None:
    """Everything has ended well, each event that was acknowledged is there once, and nothing is left over."""
    _last_exports(world)
    check_exports(world)
    check_ledger(world)
    check_jobs(world)
    check_end(world)


def _last_exports(world: World) -> None:
    """One more increment of each chain, and one export of everything."""
    world.finished()
    world.sealed()
    asked = []
    for tenant in world.tenants:
        for row in _tips(world, tenant):
            cursor = json.loads(row["manifest"])["cursor"]
            world.ask(tenant, **CHAIN, after=cursor)
        asked.append((tenant, world.ask(tenant, **CHAIN)))
    world.finished()
    for tenant, everything in asked:
        (row,) = world.exports(everything)
        assert row["state"] == "succeeded", world.told()
        assert rows_of(world, tenant, everything) == Counter(map(_sent, tenant.acknowledged.values()))


def check_exports(world: World) -> None:
    """Exports that have succeeded hold exactly what their snapshot holds; chains hold each event once."""
    for tenant in world.tenants:
        held = stored(world, tenant)
        assert Counter(seen for _, seen in held) == Counter(map(_sent, tenant.acknowledged.values()))
        done = [row for row in world.exports() if row["app_id"] == tenant.app and row["state"] == "succeeded"]
        shown = {row["id"]: rows_of(world, tenant, row["id"]) for row in done}
        for row in done:
            _check_export(world, row, held, shown[row["id"]])
        for tip in _tips(world, tenant):
            _check_chain(world, tenant, tip, shown)


def _check_export(world: World, row: Row, held: list[tuple[int, Seen]], found: Counter[Seen]) -> None:
    low = row["after_seq"] or 0
    high = row["snapshot"] if row["upto_seq"] is None else row["upto_seq"]
    visible = Counter(seen for seq, seen in held if low < seq <= high)
    assert found == visible, f"{row['id']}: {found - visible} too much, {visible - found} too few\n{world.told()}"


def _tips(world: World, tenant: Tenant) -> list[Row]:
    """Exports that continue one and that none continues."""
    rows = [r for r in world.exports() if r["app_id"] == tenant.app and r["state"] == "succeeded"]
    manifests = {row["id"]: json.loads(row["manifest"]) for row in rows}
    continued = {manifest["previous_cursor"] for manifest in manifests.values()}
    of_chains = [r for r in rows if manifests[r["id"]].get("cursor") and r["after_seq"]]
    return [row for row in of_chains if manifests[row["id"]]["cursor"] not in continued]


def _check_chain(world: World, tenant: Tenant, tip: Row, shown: Mapping[str, Counter[Seen]]) -> None:
    """From its tip back to its beginning a chain holds every event once."""
    rows = {json.loads(r["manifest"])["cursor"]: r for r in world.exports() if r["manifest"]}
    total: Counter[Seen] = Counter()
    at: Row | None = tip
    while at is not None:
        total += shown[at["id"]]
        at = rows.get(json.loads(at["manifest"])["previous_cursor"] or "")
    assert total == Counter(map(_sent, tenant.acknowledged.values()))


def check_ledger(world: World) -> None:
    """Each record that was received is accounted for."""
    with world.house() as house:
        for tenant in world.tenants:
            found = ledger(house.database, scope_of_app(house.database, tenant.app))
            assert found.holds, found
            assert found.sealed == len(tenant.acknowledged), found


def check_balance(world: World) -> None:
    """At this very moment each record that was received is accounted for, and none that was acknowledged is missing."""
    with world.house() as house:
        for tenant in world.tenants:
            found = ledger(house.database, scope_of_app(house.database, tenant.app))
            assert found.holds, found
            assert found.accepted >= len(tenant.acknowledged), found


def check_jobs(world: World) -> None:
    """No job is left but those that recur, each has ended as its export has, and no finished slice is on record."""
    jobs = world.backend.rows("SELECT * FROM jobs")
    assert {job["subject"] for job in jobs if job["state"] != "done"} <= {"sweep"}, world.told()
    assert {job["lane"] for job in jobs if job["state"] != "done"} <= {"upkeep"}, world.told()
    outcomes = {job["subject"]: job["outcome"] for job in jobs if job["lane"] == "export"}
    assert {row["id"]: row["state"] for row in world.exports()} == outcomes, world.told()
    assert world.backend.rows("SELECT * FROM export_parts") == []


def check_end(world: World) -> None:
    """Processes end in order. After the grace one sweep leaves exactly the objects that rows name."""
    codes = world.stop()
    assert set(codes) == {0}, f"{codes}\n{world.told()}"
    world.jump(3 * HOUR)
    with world.house() as house:
        for tenant in world.tenants:
            sweep(house.sweeper(), scope_of_app(house.database, tenant.app), lambda: None)
    assert world.backend.objects() == named(world)
    assert world.backend.unfinished() == []


def named(world: World) -> dict[str, int]:
    """The objects that rows name, and their sizes; those of runs are told by their number of ids."""
    rows = world.backend.rows("SELECT object, length AS size FROM segments")
    rows += world.backend.rows("SELECT object, bytes AS size FROM export_files")
    found = {row["object"]: int(row["size"]) for row in rows}
    sizes = world.backend.objects()
    runs = [row["object"] for row in world.backend.rows("SELECT object FROM id_runs")]
    return found | {name: sizes.get(name, -1) for name in runs}


def _sent(record: Row) -> Seen:
    return Seen(record["id"], record["event"], record["time"], record["params"]["n"])


def stored(world: World, tenant: Tenant) -> list[tuple[int, Seen]]:
    """All events of the segments, with the commit that they came with."""
    found = []
    rows = world.backend.rows("SELECT s.*, a.id AS app_id FROM segments s JOIN apps a ON a.number = s.app")
    for row in (row for row in rows if row["app_id"] == tenant.app):
        assert row["removed_seq"] is None
        data = world.backend.read(row["object"])[row["offset"] : row["offset"] + row["length"]]
        events = pq.read_table(io.BytesIO(data), columns=["events"])["events"].combine_chunks().flatten().to_pylist()
        for one in events:
            n = json.loads(one["params"])["n"]
            found.append((row["added_seq"], Seen(one["id"], one["event"], iso(one["time"]), n)))
    return found


def rows_of(world: World, tenant: Tenant, export: str) -> Counter[Seen]:
    """The events of an export's files, which are what its manifest says they are."""
    manifest = world.manifest(tenant, export)
    found: Counter[Seen] = Counter()
    for file in manifest["files"]:
        data = world.get(tenant, file["url"]).content
        assert len(data) == file["bytes"]
        assert hashlib.sha256(data).hexdigest() == file["sha256"]
        found.update(_events(file, data))
    return found


def _events(file: Row, data: bytes) -> Iterator[Seen]:
    if file["packing"] == "zip":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            assert archive.testzip() is None
            for member in file["members"]:
                yield from _plain(member, file["format"], archive.read(member["name"]))
        return
    plain = gzip.decompress(data) if file["packing"] == "gzip" else data
    yield from _plain(file, file["format"], plain)


def _plain(entry: Row, format_: str, data: bytes) -> Iterator[Seen]:
    """Events of unpacked rows; the table of users has none."""
    rows = _READ[format_](data)
    assert len(rows) == entry["rows"]
    for row in rows if entry["of"] == "rows" else ():
        for one in _nested(row.get("events"), format_) if "events" in row else [row]:
            params = one.get("params")
            n = (json.loads(params) if isinstance(params, str) else params)["n"] if params else one["params.n"]
            yield Seen(one["id"], one.get("event") or entry["key"], one["time"], int(n))


def _nested(events: Any, format_: str) -> Any:
    return json.loads(events) if format_ == "csv" else events


def _of_json(data: bytes) -> list[Row]:
    found: list[Row] = json.loads(data) if data[:1] == b"[" else [json.loads(line) for line in data.splitlines()]
    return found


def _of_csv(data: bytes) -> list[Row]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline=""), strict=True))


def _of_xml(data: bytes) -> list[Row]:
    return [_element(row) for row in ElementTree.fromstring(data)]  # noqa: S314 - our own file


def _element(row: ElementTree.Element) -> Row:
    return {cell.tag: [_element(one) for one in cell] if len(cell) else cell.text or "" for cell in row}


_READ = {"json": _of_json, "csv": _of_csv, "xml": _of_xml}
