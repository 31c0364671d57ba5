"""One request in every format: each file, read by a reader of its own, holds just what was sent.

`tests/reading.py` has the readers and the normal form, `docs/formats.md` the table that it goes by.
"""

import io
import json
import os
import random
import re
import resource
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import zstandard
from msgspec.structs import replace

from tailrace.exports.forms import default_split
from tailrace.exports.records import Export
from tailrace.exports.submit import submit
from tailrace.ingest.accept import Origin
from tailrace.ingest.doors import door_of
from tailrace.ingest.plain import accept_small
from tailrace.ingest.protocols.native import draft_batch
from tailrace.model.access import Scope
from tailrace.model.clock import DAY, HOUR
from tailrace.model.export import FORMATS, PACKINGS, ExportRequest, Format, Packing, Shape, Split
from tailrace.store.inbox import append
from tailrace.wiring import House
from tests.effort import again
from tests.journeys.test_real_telemetry import imported
from tests.journeys.test_real_telemetry import sent as telemetry
from tests.reading import (
    NOTHING,
    Columns,
    Row,
    as_xml,
    columns_of,
    difference,
    normal,
    parsed,
    read_array,
    read_csv,
    read_lines,
    read_parquet,
    read_xml,
    same,
    whole,
)
from tests.sending import T0, event, file_bytes, inflated, principal, request, seal, work

SHAPES: tuple[Shape, ...] = ("events", "sessions", "tables")
Read = Callable[[bytes], list[Row]]
READERS: dict[str, tuple[Format, dict[str, Any], Read]] = {
    "lines": ("json", {}, read_lines),
    "array": ("json", {"json_array": True}, read_array),
    "csv": ("csv", {}, read_csv),
    "xml": ("xml", {}, read_xml),
    "parquet": ("parquet", {}, read_parquet),
}
TEXTS = (
    *("", " ", "plain", '"', '""', ",", "a,b", "\r", "\n", "\r\n", "a\r\nb", "\t", " lead", "trail ", "'", "\\", "\\n"),
    *("=1+1", "-1", "+1", "@a", "1", "true", "null", "{}", "[1]", '"x"', "]]>", "<a>&amp;", "&#10;", "😀", "\u202eabc"),
    *("\u05d0\u05d1", "e\u0301", "\x01\x1f", "\x7f\x85", "\u2028", "\ufffd", "\ufffe\uffff", "\x00"),
)
NUMBERS = (0, -1, 2**53 + 1, 2**63 - 1, -(2**63), 2**63, 2**64 + 1, -(2**70), 1e300, -0.0, 0.1, 5e-324, 1.0)
OTHERS: tuple[Any, ...] = (
    True,
    False,
    None,
    [],
    {},
    [1, [2, "x", None]],
    {"a": {"b c": ['"', "\n", 0.5]}},
    {"": None, "\uffff": "\x00"},
)
KEYS = (
    *("", " ", "a b", 'q"', "<t>", "a.b", "ünï", "😀", "\n", "\r\n", "=1+1", "id", "params.id", "_x0020_", "_x", "xml"),
    *("a:b", "1st", "A", "a", "\x00", "\ufffe", ",", "\u202e", "level", "users", "events", "x" * 300),
)
NAMES = (
    *("users", "Users", "USERS", "users-2", "con", "CON", "aux.txt", "a/b", "a\\b", "a:b", "..", ".", "-", "=1+1"),
    *(
        "e\u0301",
        "é",
        "\u202eabc",
        'q"uote',
        "new\nline",
        "tab\t",
        "😀",
        "event",
        "level",
        "x" * 180,
        "x" * 181,
        "<a>",
        "a\x00b",
    ),
)
ODD = (
    '{ "a" : 1.50 ,\n "b"\t:\r\n[ 1 , 2 ]\n}',
    '{"a":1,"a":2,"\\u0061":3}',
    '{"a":1e400,"b":-1E-5,"c":1.0e+2}',
    '{"\\u00e4":"\\u00e4\\ud83d\\ude00\\/","ä":null}',
    "{}",
    "null",
)


@dataclass(frozen=True)
class Loaded:
    """The files of an export as their reader gives them, by table, with the columns that the schema file names."""

    rows: Mapping[str, list[Row]]
    columns: Mapping[str, Columns]
    schema: Row
    manifest: Row


def with_exports(house: House, **settings: Any) -> House:
    """The same store with other settings of exports."""
    exports = house.settings.exports.model_copy(update=settings)
    return replace(house, settings=house.settings.model_copy(update={"exports": exports}))


@pytest.fixture
def backend() -> str:
    """SQLite: files do not depend on the database, which the other journeys try both of."""
    return "sqlite"


@pytest.fixture
def house(house: House) -> House:
    """A store that makes slices in this process, each time anew."""
    return with_exports(house, pool="threads", cache_bytes=0)


def asked(scope: Scope, shape: Shape, form: str, **more: Any) -> ExportRequest:
    """A request for everything of an app in some form, unpacked unless said."""
    format_, options, _ = READERS[form]
    base = replace(request(scope, "event_time", T0 - 2_000 * DAY, T0 + 300 * DAY), shape=shape, format=format_)
    return replace(base, **({"packing": "none", "split": default_split(shape)} | options | more))


def made(house: House, scope: Scope, wanted: ExportRequest) -> Export:
    """A finished export."""
    done = work(house, scope, submit(house.submitter(), principal(house, scope), scope, wanted).id)
    assert done.state == "succeeded", done.error
    return done


def contents(house: House, done: Export) -> dict[str, bytes]:
    """The bytes of all files of an export, unpacked, by name without what is the export's own."""
    manifest = json.loads(done.manifest or "")
    names = [*(file["name"] for file in manifest["files"]), manifest["schema"]["name"]]
    stem = f"{done.request.app}-{done.id}-{done.request.shape}"
    assert all(name.startswith(stem) for name in names)
    return {name.removeprefix(stem): inflated(file_bytes(house, done, name)) for name in names}


def load(house: House, scope: Scope, shape: Shape, form: str, **more: Any) -> Loaded:
    """An export of everything, read back."""
    done = made(house, scope, asked(scope, shape, form, **more))
    manifest = json.loads(done.manifest or "")
    schema = json.loads(file_bytes(house, done, manifest["schema"]["name"]))
    rows = {}
    for file in manifest["files"]:
        rows[table_of(shape, file)] = READERS[form][2](file_bytes(house, done, file["name"]))
        assert len(rows[table_of(shape, file)]) == file["rows"]
    definitions = schema["$defs"] if shape == "tables" else {"": schema}
    return Loaded(rows, {name: columns_of(one) for name, one in definitions.items()}, schema, manifest)


def table_of(shape: Shape, file: Row) -> str:
    """The name of a file's table in the schema file."""
    if shape != "tables":
        return ""
    return "users" if file["of"] == "users" else f"event {file['key']}"


def fill(house: House, scope: Scope, raws: Sequence[bytes]) -> None:
    """Accept records as they are written and seal them."""
    outcome = accept_small(
        door_of(house.database, scope), draft_batch(raws, None), raws, Origin("events", "{}"), T0 + HOUR
    )
    assert outcome.rejected == []
    append(house.database, [outcome.submission])
    seal(house, scope)


def hostile(seed: int = 7) -> list[bytes]:
    """Events of a few sessions on two days, with everything that has broken an exporter somewhere."""
    chance = random.Random(seed)  # noqa: S311
    records = []
    values = (*TEXTS, *NUMBERS, *OTHERS)
    for number in range(300):
        session = number % 7
        params = {key: chance.choice(values) for key in chance.sample(KEYS, chance.randrange(5))}
        record = event(
            NAMES[number % len(NAMES)],
            T0 + session * 5 * HOUR + number * 1_000,
            device=f"d{session % 3}",
            session=f"s{session}",
            id=f"e{number}",
            info=chance.choice([text for text in TEXTS if "\x00" not in text]),
            value=chance.choice([1e300, -0.5, 0.0, 12345678.0, 0.1]),
            level=chance.choice([0, -1, 2**53 + 1, 7]),
            is_tester=chance.random() < 0.5,
        )
        if chance.random() < 0.8:
            record["params"] = params | {f"pure{session}": pure(session, chance)}
        for key in chance.sample(("info", "value", "level", "is_tester"), chance.randrange(4)):
            del record[key]
        record |= {"session": {"app_version": f"1,{session}", "country": "DE"}}
        records.append(json.dumps(record, ensure_ascii=chance.random() < 0.5).encode())
    return [*records, *odd()]


def odd() -> Iterator[bytes]:
    """Records with parameters as no library would write them."""
    for number, params in enumerate(ODD):
        record = event("odd", T0 + number, session="odd", id=f"odd{number}")
        record |= {"params": {}, "session": {"app_version": "", "country": "DE"}}
        yield json.dumps(record).encode().replace(b'"params": {}', b'"params": ' + params.encode())


def pure(number: int, chance: random.Random) -> Any:
    """A value of one type per number."""
    kinds: list[Sequence[Any]] = [
        TEXTS,
        [0, -5, 2**63 - 1],
        [0.5, 1, 2**53 + 1, 1e300],
        [True, False],
        [None],
        [[], {}],
    ]
    return chance.choice(kinds[number] if number < len(kinds) else values_of_all(kinds))


def values_of_all(kinds: Sequence[Sequence[Any]]) -> list[Any]:
    """A mixture."""
    return [value for values in kinds for value in values]


def as_event(record: Row) -> Row:
    """A sent record as the row of the shape events, in its columns that the sender decides."""
    kept = ("id", "event", "time", "session_id", "device_id", "params", "info", "value", "level", "is_tester")
    row: Row = {name: record[name] for name in kept if record.get(name) is not None}
    row["event"] = row["event"].replace("\x00", "\ufffd")
    return row | dict(record.get("session", {}))


def as_table(record: Row) -> Row:
    """A sent record as the row of its table."""
    row = as_event(record)
    params = row.pop("params", {})
    del row["event"]
    return row | {f"params.{whole(key)}": value for key, value in params.items() if value is not None}


def as_session(records: Sequence[Row]) -> Row:
    """The records of one session as a row: what the sender decides of it."""
    events = [as_event(record) for record in records]
    own = ("session_id", "device_id", "app_version", "country")
    nested = [{name: value for name, value in row.items() if name not in own} for row in events]
    return {name: events[0][name] for name in own} | {"events": nested}


def expected(shape: Shape, raws: Sequence[bytes]) -> dict[str, list[Row]]:
    """What must come out, by table, made of what was sent and nothing else."""
    records = [parsed(raw.decode()) for raw in raws]
    if shape == "events":
        return {"": [as_event(record) for record in records]}
    found: dict[str, list[Row]] = {}
    if shape == "tables":
        for record in records:
            found.setdefault(f"event {as_event(record)['event']}", []).append(as_table(record))
        return found
    for record in sorted(records, key=lambda one: str(one["time"])):
        found.setdefault(str(record["session_id"]), []).append(record)
    return {"": [as_session(of_session) for of_session in found.values()]}


def restricted(rows: Sequence[Row], names: set[str], inner: set[str]) -> list[Row]:
    """Rows with just the columns that the sender decides; nested ones in order of time and id."""
    return [{name: nested(value, inner) for name, value in row.items() if name in names} for row in rows]


def nested(value: Any, inner: set[str]) -> Any:
    """A list of events with just these columns."""
    if not isinstance(value, list):
        return value
    events = [dict(sorted((name, one) for name, one in row.items() if name in inner)) for row in value]
    return sorted(events, key=lambda row: (str(row["time"]), repr(row)))


def check_against_sent(shape: Shape, loaded: Loaded, wanted: Mapping[str, list[Row]]) -> None:
    """JSON rows hold what was sent, no row more and none less."""
    assert set(loaded.rows) - {"users"} == set(wanted)
    for table, rows in wanted.items():
        columns = loaded.columns[table]
        names = {name for row in rows for name in row}
        inner = (
            {name for row in rows for one in row.get("events", []) for name in one} if shape == "sessions" else set()
        )
        found = restricted(normal("json", loaded.rows[table], columns), names, inner)
        sent = restricted(normal("json", rows, columns), names, inner)
        assert difference(found, sent) == NOTHING, table
        assert {name for name in names if name.startswith("params.")} <= set(columns.kinds)


def check_equal(one: Loaded, other: Loaded, format_: Format) -> None:
    """Files of two formats hold the same rows, in the same order of columns, modulo the documented table."""
    assert one.columns == other.columns
    assert set(one.rows) == set(other.rows)
    translate = as_xml if format_ == "xml" else same
    for table, rows in one.rows.items():
        left = normal("json", rows, one.columns[table], translate)
        right = normal(format_, other.rows[table], other.columns[table], translate)
        assert difference(left, right) == NOTHING, table
        assert left == right  # in the same order too
        assert [list(row) for row in left] == [list(row) for row in right]


def check_schema(shape: Shape, loaded: Loaded) -> None:
    """The schema file is JSON Schema; every row satisfies it, and that of its own table."""
    jsonschema.Draft202012Validator.check_schema(loaded.schema)
    for table, rows in loaded.rows.items():
        schema = {"$ref": pointer(loaded.schema, table), "$defs": loaded.schema["$defs"]} if table else loaded.schema
        validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
        for row in rows:
            validator.validate(plain(row))
    if shape == "tables":
        whole_schema = jsonschema.Draft202012Validator(loaded.schema)
        assert all(whole_schema.is_valid(plain(rows[0])) for rows in loaded.rows.values())


def pointer(schema: Row, table: str) -> str:
    """The reference of a table's definition, as the schema itself has it."""
    place = list(schema["$defs"]).index(table)
    return str(schema["anyOf"][place]["$ref"])


def plain(row: Row) -> Any:
    """A row as any program reads it."""
    return json.loads(json.dumps(row, default=float))


def check_everything(house: House, scope: Scope, shape: Shape, wanted: Mapping[str, list[Row]]) -> None:
    """All formats against each other and against what was sent."""
    lines = load(house, scope, shape, "lines")
    check_against_sent(shape, lines, wanted)
    check_schema(shape, lines)
    digests = [(f["key"], f["content_sha256"]) for f in lines.manifest["files"]]
    for form in ("array", "csv", "xml", "parquet"):
        other = load(house, scope, shape, form)
        check_equal(lines, other, READERS[form][0])
        if READERS[form][0] in ("json", "parquet"):
            assert [(f["key"], f["content_sha256"]) for f in other.manifest["files"]] == digests


@pytest.mark.parametrize("shape", SHAPES)
def test_every_format_holds_just_what_was_sent(house: House, scope: Scope, shape: Shape) -> None:
    """Hostile names, keys and values: five files per shape, read by five readers, are the sent events and equal."""
    raws = hostile()
    fill(house, scope, raws)
    check_everything(house, scope, shape, expected(shape, raws))


@pytest.mark.parametrize("shape", ["events", again("sessions"), again("tables")])
def test_the_real_telemetry_is_the_same_in_every_format(
    house: House, scope: Scope, few_waves: Path, shape: Shape
) -> None:
    """Some events of each session of a real game: five files hold what the file of the game holds, and nothing else."""
    imported(house.data, few_waves)
    truth = [parsed(json.dumps(row)) for row in telemetry(few_waves)]
    assert (len({row["session_id"] for row in truth}), len({row["event"] for row in truth})) == (49, 11)
    check_everything(house, scope, shape, telemetry_as(shape, truth))


def telemetry_as(shape: Shape, truth: list[Row]) -> dict[str, list[Row]]:
    """The real telemetry in a shape, by table."""
    if shape == "events":
        return {"": truth}
    found: dict[str, list[Row]] = {}
    for row in truth:
        if shape == "tables":
            params = {f"params.{key}": value for key, value in row["params"].items() if value is not None}
            own = {name: row[name] for name in ("time", "session_id", "device_id", "app_version")}
            found.setdefault(f"event {row['event']}", []).append(own | params)
        else:
            found.setdefault(row["session_id"], []).append({name: row[name] for name in ("event", "time", "params")})
    if shape == "tables":
        return found
    return {"": [{"session_id": name, "events": events} for name, events in found.items()]}


def unpacked(packing: Packing, data: bytes) -> bytes:
    """A file as one call of a plain reader unpacks it; nothing may be left over."""
    if packing == "none":
        return data
    reader = zlib.decompressobj(wbits=31) if packing == "gzip" else zstandard.ZstdDecompressor().decompressobj()
    text: bytes = reader.decompress(data)
    assert reader.eof
    assert reader.unused_data == b""
    return text


@pytest.mark.parametrize("form", READERS)
def test_every_packing_holds_the_same_bytes(house: House, scope: Scope, form: str) -> None:
    """Packed and unpacked, and as the member of an archive, a file is the same file."""
    fill(house, scope, hostile())
    files: dict[Packing, bytes] = {}
    for packing in ("none", "zip") if form == "parquet" else PACKINGS:
        done = made(house, scope, asked(scope, "events", form, packing=packing))
        file = json.loads(done.manifest or "")["files"][0]
        data = file_bytes(house, done, file["name"])
        if packing == "zip":
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                assert archive.testzip() is None
                assert archive.namelist() == [member["name"] for member in file["members"]]
                data = archive.read(archive.namelist()[0])
        files[packing] = data if packing == "zip" else unpacked(packing, data)
    assert len(set(files.values())) == 1


@pytest.mark.parametrize("split", ["size", "hour", "day", "event"])
@pytest.mark.parametrize("form", ["array", "csv", "xml", "parquet"])
def test_every_split_holds_each_row_once(house: House, scope: Scope, form: str, split: Split) -> None:
    """However rows are split to files, together they are those of the single file, each where its key says."""
    fill(house, scope, hostile())
    format_, _, read = READERS[form]
    one = load(house, scope, "events", form)
    done = made(house, scope, asked(scope, "events", form, split=split))
    files = json.loads(done.manifest or "")["files"]
    found = []
    for file in files:
        rows = normal(format_, read(file_bytes(house, done, file["name"])), one.columns[""])
        assert all(of_key(split, file["key"], row) for row in rows)
        assert (min(row["time"] for row in rows), max(row["time"] for row in rows)) == (
            file["min_time"],
            file["max_time"],
        )
        found += rows
    assert difference(found, normal(format_, one.rows[""], one.columns[""])) == NOTHING
    assert len({file["name"].casefold() for file in files}) == len(files)


def of_key(split: Split, key: str | None, row: Row) -> bool:
    """Whether a row belongs to the file of a key."""
    if split == "size":
        return True
    found: str = row["event"] if split == "event" else row["time"][: 10 if split == "day" else 13]
    return key == found


@pytest.mark.parametrize("form", READERS)
def test_the_users_table_counts_what_was_sent(house: House, scope: Scope, form: str) -> None:
    """A row per device with its sessions and events, beside a table of an event that is called users."""
    raws = hostile()
    fill(house, scope, raws)
    loaded = load(house, scope, "tables", form)
    rows = normal(READERS[form][0], loaded.rows["users"], loaded.columns["users"])
    records = [json.loads(raw) for raw in raws]
    wanted = {
        device: (len({r["session_id"] for r in records if r["device_id"] == device}), count)
        for device, count in Counter(record["device_id"] for record in records).items()
    }
    assert {row["device_id"]: (row["sessions"], row["events"]) for row in rows} == wanted
    assert len(rows) == len(wanted)
    assert len(loaded.rows["event users"]) == sum(record["event"] == "users" for record in records)


@pytest.mark.parametrize("form", READERS)
def test_a_column_alone_has_a_row_per_event(house: House, scope: Scope, form: str) -> None:
    """Also where nearly no event has a value of it: no reader skips a row."""
    records = [event("go", T0 + n, id=f"e{n}") | ({"info": "x"} if n % 3 == 0 else {}) for n in range(30)]
    fill(house, scope, [json.dumps(record).encode() for record in records])
    rows = load(house, scope, "events", form, columns=("info",)).rows[""]
    assert len(rows) == 30
    assert sum(row.get("info") == "x" for row in rows) == 10


@pytest.mark.parametrize("shape", ["events", again("sessions"), again("tables")])
def test_the_same_request_gives_the_same_bytes(house: House, scope: Scope, shape: Shape) -> None:
    """With one worker and with four, in threads and in processes, from the cache and anew."""
    raws = hostile()
    for part in (raws[::3], raws[1::3], raws[2::3]):
        fill(house, scope, part)
    processes = with_exports(house, pool="processes", cache_bytes=1 << 30)
    houses = [with_exports(house, workers=1), with_exports(house, workers=4), processes, processes]
    for form, (format_, _, _) in READERS.items():
        wanted = asked(scope, shape, form, packing="none" if format_ == "parquet" else "gzip")
        found = [without_title(contents(one, made(one, scope, wanted))) for one in houses]
        assert all(one == found[0] for one in found[1:]), form


@pytest.mark.parametrize("format_", FORMATS)
def test_the_same_request_gives_the_same_archive(house: House, scope: Scope, format_: Format) -> None:
    """Tables in one archive: its members, their order and all their bytes."""
    fill(house, scope, hostile())
    wanted = asked(scope, "tables", {"json": "lines"}.get(format_, format_), packing="zip")
    found = [
        without_title(contents(one, made(one, scope, wanted)))
        for one in (with_exports(house, workers=1), with_exports(house, workers=4))
    ]
    assert found[0] == found[1]


def without_title(files: dict[str, bytes]) -> dict[str, bytes]:
    """Files without the one line that names the export."""
    return {name: re.sub(rb'"title": "Rows of export [^"]+"', b"", data) for name, data in files.items()}


def test_thousands_of_tables_need_few_open_files(house: House, scope: Scope) -> None:
    """2 000 event names, half of them alike but for case, become as many members with names that no system mixes up."""
    names = [f"level {n}" for n in range(1_000)] + [f"LEVEL {n}" for n in range(1_000)]
    records = [event(name, T0 + n, params={"n": n}) for n, name in enumerate(names)]
    fill(house, scope, [json.dumps(record).encode() for record in records])
    with few_open_files(64):
        done = made(house, scope, asked(scope, "tables", "csv", packing="zip"))
    file = json.loads(done.manifest or "")["files"][0]
    with zipfile.ZipFile(io.BytesIO(file_bytes(house, done, file["name"]))) as archive:
        assert archive.testzip() is None
        assert len({name.casefold() for name in archive.namelist()}) == len(archive.namelist()) == 2_001
        keys = {member["name"]: member["key"] for member in file["members"]}
        found = {keys[name]: read_csv(archive.read(name)) for name in archive.namelist()}
    assert {key: rows[0]["params.n"] for key, rows in found.items() if key is not None} == {
        name: f"{n}" for n, name in enumerate(names)
    }
    assert [row["events"] for row in found[None]] == ["2000"]


@contextmanager
def few_open_files(more: int) -> Iterator[None]:
    """Allow this process only so many files beyond those that are open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))  # noqa: PTH208
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
