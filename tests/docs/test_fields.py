"""docs/fields.md against the code, and against the wire contracts where they are at hand."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tailrace.ingest.accept import Door, Origin, Outcome, accept
from tailrace.ingest.context import ProfileInput, SessionInput
from tailrace.ingest.cutting import Bounds, Cutter
from tailrace.ingest.fragments import fragments_table, place
from tailrace.ingest.grouping import SessionRules, group
from tailrace.ingest.joining import closings
from tailrace.ingest.protocols.native import Element, NativeEvent, Page, Signals, draft_records
from tailrace.model.access import Scope
from tailrace.model.clock import iso, parse_iso
from tailrace.model.fields import EVENT_FIELDS, FIELDS, Field
from tailrace.model.shards import initial_shards
from tailrace.model.standard import STANDARD_EVENTS
from tailrace.store.records import in_arrow, joined_records
from tailrace.store.sessions import Actor

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "fields.md"
CONTRACTS = ROOT.parent / "shared" / "contracts"
DIALECTS = ("Flurry", "Leanplum", "devtodev", "FullStory")
NOW = parse_iso("2026-01-02T03:04:05.678Z")
Pairs = set[tuple[str, str]]

VALUES: dict[str, Any] = {"text": "some text", "int": 7, "float": 2.5, "bool": True, "json": {"a": 1}, "time": iso(NOW)}
WRONG: dict[str, Any] = {"text": 7, "int": 2.5, "float": "2.5", "bool": 1, "json": 7, "time": "yesterday"}
SPECIAL: dict[str, Any] = {
    "ip": "203.0.113.0",  # nothing of it has to be cut
    "device_ids": {"idfa": "x"},
    "experiments": [{"id": 1, "variant_id": "b", "impressed": True}],
    "profile": {"gender": "female", "attributes": {"plan": "free"}},
}
SENT = [field for field in FIELDS.values() if field.sent and field.name != "sent_at"]


# The page


def section(text: str, heading: str, level: str = "##") -> str:
    """What stands below a heading, up to the next one of its level."""
    found = re.search(rf"^{level} {re.escape(heading)}.*?\n(.*?)(?=^{level} |\Z)", text, re.DOTALL | re.MULTILINE)
    assert found, f"there is no heading {heading}"
    return found[1]


def rows(text: str) -> list[list[str]]:
    """Cells of the tables of a text, heads and rules left out."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    rules = {place for place, row in enumerate(cells) if set("".join(row)) <= {"-", " "} and "".join(row)}
    return [row for place, row in enumerate(cells) if not {place, place + 1} & rules]


def quoted(cell: str) -> list[str]:
    """The words of a cell that are set as code."""
    return re.findall(r"`([^`]+)`", cell)


def page_section(heading: str) -> str:
    """A section of docs/fields.md."""
    return section(PAGE.read_text("utf-8"), heading)


def documented(dialect: str) -> Pairs:
    """(place, field) of every row of a dialect's table."""
    table = rows(page_section(dialect))
    return {(where, name) for row in table for where in quoted(row[0]) for name in quoted(row[1])}


def used(dialect: str) -> set[str]:
    """Canonical fields that a dialect's table names."""
    return {name for row in rows(page_section(dialect)) for name in quoted(row[2])}


def only_native() -> set[str]:
    """Canonical fields listed as shown by no dialect."""
    return {name for row in rows(page_section("Only in native exports")) for name in quoted(row[0])}


def generate(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run scripts/generate_docs.py."""
    command = [sys.executable, str(ROOT / "scripts" / "generate_docs.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.thorough  # scripts/check asks the same
def test_generated_passages_are_fresh() -> None:
    """Every generated passage of the documents is what the code says today."""
    result = generate("--check")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.thorough
def test_a_stale_passage_is_found_and_mended(tmp_path: Path) -> None:
    """The check can fail: on old text, on a name that nothing makes and on a missing end; updating mends the first."""
    (tmp_path / "docs").mkdir()
    page = tmp_path / "docs" / "page.md"
    page.write_text("a\n<!-- generated: fields -->\nold\n<!-- end generated -->\nz\n")
    assert "is stale" in generate("--check", tmp_path).stdout
    assert "old" in page.read_text()
    assert generate(tmp_path).returncode == 0
    assert page.read_text().startswith("a\n<!-- generated: fields -->\n\n| field |")
    assert page.read_text().endswith("|\n\n<!-- end generated -->\nz\n")
    assert generate("--check", tmp_path).returncode == 0
    page.write_text("<!-- generated: nothing -->\n<!-- end generated -->\n")
    assert "nothing makes the passage nothing" in generate("--check", tmp_path).stdout
    page.write_text("<!-- generated: fields -->\n")
    assert "has no end" in generate("--check", tmp_path).stdout


def test_every_canonical_field_has_its_row() -> None:
    """The generated table holds each field of the schema once, in the order of the schema."""
    found = [row[0] for row in rows(page_section("The canonical fields")) if len(row) == 6]
    assert found == [f"`{name}`" for name in FIELDS]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_dialects_name_canonical_fields(dialect: str) -> None:
    """Each row of a dialect's table comes from at least one canonical field, and only from fields that exist."""
    table = rows(page_section(dialect))
    assert table
    assert [row for row in table if len(row) != 4 or not quoted(row[2]) or not row[3]] == []
    assert used(dialect) - set(FIELDS) == set()


def test_no_field_is_forgotten() -> None:
    """Every canonical field is shown by a dialect or listed as only native, and never both."""
    shown = set[str]().union(*map(used, DIALECTS))
    assert set(FIELDS) - shown - only_native() == set()
    assert only_native() & shown == set()
    assert only_native() - set(FIELDS) == set()


def test_members_of_a_profile_are_documented() -> None:
    """The table of the object `profile` names exactly the keys that are accepted."""
    found = [name for row in rows(page_section("Objects inside fields")) for name in quoted(row[0])]
    assert sorted(found) == sorted(ProfileInput.__struct_fields__)


def test_standard_events_use_fields_that_exist() -> None:
    """Each standard event has a name and a meaning, names no file twice, and its fields are those of a record."""
    table = rows(page_section("Standard events"))
    names = [name for row in table for name in quoted(row[0])]
    assert len(names) == len(set(names)) == len(table)
    assert {name for row in table for name in quoted(row[1])} <= set(NativeEvent.__struct_fields__)
    files = [name for row in table for name in quoted(row[4])]
    assert len(files) - files.count("gs") == len(set(files) - {"gs"})
    assert all(row[3] for row in table)


def test_the_table_of_standard_events_is_that_of_the_code() -> None:
    """Names, fields and parameters of the table are those that records are checked against."""
    table = [row for row in rows(page_section("Standard events")) if quoted(row[0])]
    found = {quoted(row[0])[0]: (quoted(row[1]), quoted(row[2])) for row in table}
    assert found == {name: (list(one.fields), list(one.params)) for name, one in STANDARD_EVENTS.items()}


def test_every_standard_file_is_filled_by_a_standard_event() -> None:
    """Every file with events of its own is filled by a standard event, whose parameters are those its columns read."""
    table = rows(page_section("Standard events"))
    given = {file: set(quoted(row[2])) for row in table for file in quoted(row[4])}
    read: dict[str, set[str]] = {}
    for where, _, origin, note in rows(page_section("devtodev")):
        for file in quoted(where):
            keys = {key for key in re.findall(r"its `(\w+)`", note) if origin == "`params`"}
            read.setdefault(file, set()).update(keys)
    assert set(read) - {"users", "ud", "custom"} == set(given)
    assert {file: keys - given[file] for file, keys in read.items() if keys and keys - given[file]} == {}


# The wire contracts


def contract(name: str) -> str:
    """A wire contract; the test is skipped where the contracts are not at hand."""
    path = CONTRACTS / f"{name}.md"
    if not path.exists():
        pytest.skip("the wire contracts are not beside the repository")
    return path.read_text("utf-8")


def words(text: str, separator: str = ",") -> list[str]:
    """Names between separators: no remarks in parentheses, no marks, and of `id int64` only the name."""
    parts = re.sub(r"\([^)]*\)", "", text).split(separator)
    return [part.replace("`", "").replace("*", "").strip() for part in parts if part.strip()]


def flurry_fields() -> Pairs:
    """Fields of a row."""
    table = section(contract("flurry"), "1.6 Row fields").partition("\n- ")[0]
    return {("row", name) for row in rows(table) for name in words(row[0])}


def fullstory_fields() -> Pairs:
    """Fields of an event object; the contract's `user_*` stays as it is."""
    table = section(contract("fullstory"), "1.5 Event object", "###")
    return {("event", name) for row in rows(table) for name in quoted(row[0]) or words(row[0])}


def leanplum_json() -> Pairs:
    """Keys of the JSON objects: a session's from the table, the others' from the lines below it."""
    text = section(contract("leanplum"), "2.6 JSON session line", "###")
    found = {("session", name) for row in rows(text) for cell in (row[0], row[3]) for name in words(cell)}
    for where in ("state", "event"):
        line = re.search(rf"^{where}: (.*)$", text, re.MULTILINE)
        assert line
        found |= {(where, name.split()[0]) for name in words(re.sub(r"\([^)]*\)", "", line[1]).partition(";")[0])}
    experiment = re.search(r"array of \{([^}]*)\}", text)
    assert experiment
    return found | {("experiment", name.split()[0]) for name in words(experiment[1])}


def leanplum_csv() -> Pairs:
    """Columns of the CSV files."""
    text = section(contract("leanplum"), "2.7 CSV files", "###")
    lines = re.findall(r"^- (\w+): (.*)$", text, re.MULTILINE)
    return {(file, name) for file, columns in lines for name in words(columns)}


def devtodev_columns() -> Pairs:
    """Columns of the files; where the contract proposes them, its proposal."""
    cells = {row[0]: row[1] for row in rows(section(contract("devtodev"), "2.5 Result file"))}
    assert "the columns of sbs_payments, then" in cells["sbs"]
    cells |= {"sbs": f"{cells['sbs_payments']} · {cells['sbs']}"}
    return {(file, name) for file, cell in cells.items() for name in devtodev_row(cell)}


def devtodev_row(cell: str) -> Iterator[str]:
    """Names of a cell: after a proposal's head and up to what is said of them; what is added to another file's."""
    cell = re.sub(r"\([^)]*\)", "", cell)
    listed, _, added = cell.partition("Proposal: ")
    listed = re.split(r";|…", listed.removeprefix("proposal: "))[0]
    for name in [*words(listed, "·"), *words(added.partition(" then ")[2])]:
        yield re.sub(r"^one column per ([\w ]+)$", r"<\1>", name)


@pytest.mark.parametrize(
    ("dialect", "least"), [("Flurry", 16), ("Leanplum", 110), ("devtodev", 130), ("FullStory", 36)], ids=DIALECTS
)
def test_every_field_of_a_contract_has_a_row(dialect: str, least: int) -> None:
    """Each field that a contract names has a row in the dialect's table; `least` guards the reading of the contract."""
    readers = {
        "Flurry": (flurry_fields,),
        "Leanplum": (leanplum_json, leanplum_csv),
        "devtodev": (devtodev_columns,),
        "FullStory": (fullstory_fields,),
    }
    asked = set[tuple[str, str]]().union(*(read() for read in readers[dialect]))
    assert sorted(asked - documented(dialect)) == []
    assert len(asked) >= least


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_row_is_made_up(dialect: str) -> None:
    """No dialect's table has a field that its contract does not name."""
    made = {
        "Flurry": flurry_fields,
        "Leanplum": lambda: leanplum_json() | leanplum_csv(),
        "devtodev": devtodev_columns,
        "FullStory": fullstory_fields,
    }
    assert sorted(documented(dialect) - made[dialect]()) == []


# The native protocol


def record_of(field: Field, value: Any) -> dict[str, Any]:
    """A record that says a value at a field's path."""
    record: dict[str, Any] = {"event": "e", "time": NOW, "device_id": "d"}
    place = record
    *parents, key = field.source.split(".")
    for parent in parents:
        place = place.setdefault(parent, {})
    place[key] = value
    return record


def value_of(field: Field) -> Any:
    """A value of the field's type."""
    return SPECIAL.get(field.name, VALUES[field.kind])


def accepted(*records: dict[str, Any], sent_at: int | None = None) -> Outcome:
    """Accept records as the HTTP route does."""
    door = Door(Scope(1, 1, "space", "app"), initial_shards(0), 1_024, 1_048_576, 16_777_216)
    raws = [json.dumps(record).encode() for record in records]
    return accept(door, draft_records(raws, sent_at), raws, Origin("test", "{}"), NOW)


def taken(outcome: Outcome) -> pa.Table:
    """The records of an outcome."""
    return joined_records([table for some in outcome.submission.records.values() for table in in_arrow(some)])


def sealed(outcome: Outcome) -> pa.Table:
    """The fragments that sealing makes of an outcome."""
    records = taken(outcome)
    groups = group(records, SessionRules(1_800_000, 86_400_000))
    actors = {key: Actor(1, NOW) for key in records["actor_hash"].to_pylist()}
    closing = closings(records, groups, Cutter(records, groups, Bounds()), np.arange(len(groups)))
    return fragments_table(records, groups, [p for c in closing for p in place(c, None)], actors, {})


def arrived(field: Field, fragments: pa.Table) -> Any:
    """The value in a field's column of the only fragment and its only event."""
    (row,) = fragments.to_pylist()
    text = row[field.name] if field.grain == "session" else row["events"][0][field.name]
    return json.loads(text) if field.kind == "json" and text is not None else text


def is_id(field: Field) -> bool:
    """Ids of sessions are placed by the seal itself, which this test does not run."""
    return field.name == "session_id"


@pytest.mark.parametrize("field", SENT, ids=lambda field: field.name)
def test_a_source_path_is_accepted_and_arrives(field: Field) -> None:
    """What a record says at a field's path is accepted and stands in that field's column after the seal."""
    value = value_of(field)
    outcome = accepted(record_of(field, value))
    assert outcome.rejected == []
    if is_id(field):
        assert taken(outcome)["session_id"].to_pylist() == [value]
        return
    assert arrived(field, sealed(outcome)) == (NOW if field.kind == "time" else value)


@pytest.mark.parametrize("field", SENT, ids=lambda field: field.name)
def test_a_value_of_another_type_is_refused(field: Field) -> None:
    """A value of another type makes a dead letter that names the path, and harms no other record of its batch."""
    good = {"event": "good", "time": NOW, "device_id": "d"}
    outcome = accepted(record_of(field, WRONG[field.kind]), good)
    assert [rejected.place for rejected in outcome.rejected] == [0]
    assert field.source.split(".")[0] in outcome.rejected[0].reason
    assert taken(outcome)["event"].to_pylist() == ["good"]


@pytest.mark.parametrize(
    "field", [f for f in SENT if f.kind in ("int", "time") and f.name != "client_time"], ids=lambda field: field.name
)
def test_a_number_that_fits_no_column_is_refused(field: Field) -> None:
    """A whole number beyond 64 bits is one dead letter; it neither fails the batch nor reaches the seal."""
    outcome = accepted(record_of(field, 1 << 63), {"event": "good", "time": NOW, "device_id": "d"})
    assert [rejected.place for rejected in outcome.rejected] == [0]


def test_the_time_of_sending_is_of_the_batch() -> None:
    """`sent_at` comes with the batch and stands on each of its events."""
    fragments = sealed(accepted({"event": "e", "time": NOW, "device_id": "d"}, sent_at=NOW - 5))
    assert arrived(FIELDS["sent_at"], fragments) == NOW - 5


def test_every_key_of_a_record_has_a_field() -> None:
    """Each key that the native protocol accepts is the source of a canonical field, so nothing accepted is lost."""
    sources = {field.source for field in FIELDS.values()}
    assert nested("page", Page) | nested("element", Element) | nested("signals", Signals) <= sources
    assert nested("session", SessionInput) - sources == {"session.end"}
    plain = set(NativeEvent.__struct_fields__) - {"session", "page", "element", "signals"}
    assert plain - sources == set()


def nested(key: str, kind: type[Any]) -> set[str]:
    """Paths of the members of an object of a record."""
    return {f"{key}.{name}" for name in kind.__struct_fields__}


def test_profile_keys_are_kept() -> None:
    """Every documented key of a profile is accepted and kept in the column `profile`."""
    profile: dict[str, Any] = {
        "gender": "female", "birth_year": 1990, "name": "Ana", "email": "ana@example.com", "phone": "1",
        "photo": "https://example.com/a.png", "level": 3, "is_tester": False, "is_cheater": False, "is_paying": True,
        "registered_at": "2025-01-01T00:00:00+02:00", "segments": ["new"], "attributes": {"plan": "free"},
    }  # fmt: skip
    assert set(profile) == set(ProfileInput.__struct_fields__)
    record = {"event": "e", "time": NOW, "device_id": "d", "profile": profile}
    assert arrived(FIELDS["profile"], sealed(accepted(record))) == profile


@pytest.mark.parametrize(
    ("profile", "reason"),
    [
        ({"registered_at": "2025-01-01T00:00:00"}, "profile: registered_at"),
        ({"registered_at": ""}, "profile: registered_at"),
        ({"birth_year": 1 << 70}, "profile: birth_year"),
        ({"shoe_size": 44}, "profile: "),
    ],
)
def test_a_bad_profile_is_refused(profile: dict[str, Any], reason: str) -> None:
    """A profile with an instant that is none, a number that fits nowhere or an unknown key is refused by name."""
    outcome = accepted({"event": "e", "time": NOW, "device_id": "d", "profile": profile})
    assert [r.reason[: len(reason)] for r in outcome.rejected] == [reason]


def columns_of(fields: Sequence[Field]) -> set[str]:
    """Names of some fields."""
    return {field.name for field in fields}


def test_flags_are_kept_per_event() -> None:
    """A user marked in the middle of a session keeps both answers: how a flag stands is a fact of the event."""
    assert {"is_tester", "is_cheater", "is_paying", "level"} <= columns_of(EVENT_FIELDS)
    before = {"event": "a", "time": NOW, "device_id": "d", "is_cheater": False}
    after = {"event": "b", "time": NOW + 1, "device_id": "d", "is_cheater": True}
    (row,) = sealed(accepted(before, after)).to_pylist()
    assert [event["is_cheater"] for event in row["events"]] == [False, True]
