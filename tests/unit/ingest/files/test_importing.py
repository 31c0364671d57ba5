"""A file goes into the inbox: every row is accepted or a dead letter, and a second time adds nothing new."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tailrace.ingest.files import importing, lines, reading
from tailrace.ingest.files.blocks import Block
from tailrace.ingest.files.opening import Opened
from tailrace.model.errors import Invalid, Malformed
from tests.unit.ingest.files.conftest import NOW, Importer, Write

MAP = """
[fields]
event = { column = "name" }
device_id = { column = "device" }
time = { column = "at", format = "epoch_s" }
"""


def record(n: int, **more: object) -> str:
    return json.dumps({"event": "go", "time": n, "device_id": f"d{n % 7}", **more}) + "\n"


def test_native_lines_go_in(importer: Importer, write: Write) -> None:
    """Records of a file are stored as if they had come over HTTP, except that nobody corrects their clock."""
    path = write("x.ndjson", record(5, id="one", user_id="u", params={"a": 1}, session={"country": "DE", "end": True}))
    summary = importer.run(path)
    assert (summary.rows, summary.accepted, summary.rejected) == (1, 1, 0)
    (row,) = importer.rows()
    assert {k: v for k, v in row.items() if v is not None and k not in ("key", "actor_hash")} == {
        "id": "one", "event": "go", "time": 5, "client_time": 5, "received_at": NOW, "actor": "d5", "device_id": "d5",
        "user_id": "u", "params": '{"a": 1}', "session": '{"country":"DE"}', "session_end": True,
    }  # fmt: skip


def test_progress_is_told(importer: Importer, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """After each block, how many bytes of the packed file are done, out of how many, with the rows so far."""

    def small_blocks(file: Opened) -> object:
        return lines.line_blocks(file, 1000)

    monkeypatch.setattr(reading, "line_blocks", small_blocks)
    path = write("x.ndjson.gz", "".join(record(n) for n in range(100)) + "[]\n")
    importer.run(path)
    assert len(importer.progress) > 2
    assert [p.done for p in importer.progress] == sorted(p.done for p in importer.progress)
    assert {p.total for p in importer.progress} == {path.stat().st_size}
    last = importer.progress[-1]
    assert (last.done, last.rows, last.rejected) == (last.total, 101, 1)


def test_bad_lines_become_dead_letters(importer: Importer, write: Write) -> None:
    """Each bad line is kept with its number in the file and its reason; the ledger counts it."""
    path = write("x.ndjson", "\n" + record(1) + "{nonsense\n" + record(2, params=[]) + '{"event":"go"}\n' + record(3))
    summary = importer.run(path)
    assert (summary.rows, summary.accepted, summary.rejected) == (5, 2, 3)
    assert [line for line, _ in importer.reasons()] == [3, 4, 5]
    assert importer.reasons()[1:] == [(4, "params: must be an object"), (5, "no identity: give device_id or user_id")]
    letter = importer.letters()[0].letter
    assert (letter.source, letter.raw) == ("import x.ndjson", b"{nonsense")
    assert json.loads(letter.context) == {"protocol": "file", "format": "ndjson", "map": None}
    ledger = importer.ledger()
    assert (ledger.received, ledger.accepted, ledger.dead_letters, ledger.holds) == (5, 2, 3, True)


def test_bad_rows_of_tables_become_dead_letters(importer: Importer, write: Write) -> None:
    """A row that fits no column, no time or no UTF-8 is kept by row number; its cells are kept as JSON."""
    rows = [b"name,device,at", b"a,d,1", b"b,d", b"c,d,soon", b"d,\xff,3", b"e,d,5", b",d,6"]
    importer.run(write("x.csv", b"\n".join(rows)), MAP)
    assert importer.reasons() == [
        (3, "2 cells where the header has 3"),
        (4, "fields.time: not a time (epoch_s): 'soon'"),
        (5, "not UTF-8"),
        (7, "event: a name is needed"),
    ]
    raws = {buried.letter.position: buried.letter.raw for buried in importer.letters()}
    assert (raws[3], raws[5]) == (b"b,d", b"d,\xff,3")
    assert (raws[4], raws[7]) == (b'{"name":"c","device":"d","at":"soon"}', b'{"name":"","device":"d","at":"6"}')
    assert json.loads(importer.letters()[0].letter.context)["map"] == MAP
    assert [row["event"] for row in importer.rows()] == ["a", "e"]


@pytest.mark.parametrize("form", ["ndjson", "csv", "parquet"])
def test_the_same_file_twice_has_the_same_keys(importer: Importer, write: Write, form: str, tmp_path: Path) -> None:
    """Rows without an id get the keys that they had the first time, and equal rows of one file are all counted."""
    records = [{"event": "go", "device_id": f"d{n % 3}", "info": str(n % 5)} for n in range(60)]
    path = tmp_path / f"x.{form}"
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist(records), path)
    elif form == "csv":
        write(path.name, "event,device_id,info\n" + "".join(",".join(r.values()) + "\n" for r in records))
    else:
        write(path.name, "".join(json.dumps(r) + "\n" for r in records))
    importer.run(path)
    once = [row["key"] for row in importer.rows()]
    assert len(set(once)) == 60
    importer.run(path)
    assert {row["key"] for row in importer.rows()} == set(once)
    assert len(importer.rows()) == 120
    assert importer.ledger().holds


def test_blocks_do_not_change_the_keys(importer: Importer, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is read in other blocks, with blank and bad lines among them, gives the same keys."""
    path = write("x.ndjson", "".join(record(n % 20) + "\n" * (n % 2) + "[]\n" * (n % 3 == 0) for n in range(200)))
    importer.run(path)
    once = [row["key"] for row in importer.rows()]
    monkeypatch.setattr(reading, "line_blocks", lambda file: lines.line_blocks(file, 300))
    importer.run(path)
    assert {row["key"] for row in importer.rows()} == set(once)
    assert len(once) == 200


def test_rows_with_and_without_an_id_may_be_mixed(importer: Importer, write: Write) -> None:
    """A row's own id is its identity wherever it stands; its neighbours without one are still counted."""
    named = record(1, id="one")
    importer.run(write("x.ndjson", named + record(2) + record(2) + named + record(3, id="")))
    found = importer.rows()
    assert [row["id"] for row in found][:2] == ["one", "one"]
    assert len({row["key"] for row in found}) == 4
    assert all(len(row["id"]) == 32 for row in found[2:])


def test_the_type_of_parquet_columns_is_kept(importer: Importer, tmp_path: Path) -> None:
    """Without a map, parameters of Parquet keep their types in JSON."""
    table = pa.table({"event": ["a"], "user_id": ["u"], "params.n": [3], "params.f": [2.0], "params.l": [[1, 2]]})
    pq.write_table(table, tmp_path / "x.parquet")
    importer.run(tmp_path / "x.parquet")
    assert importer.rows()[0]["params"] == '{"n":3,"f":2.0,"l":[1,2]}'


def test_a_damaged_end_keeps_what_came_before(
    importer: Importer, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks before the damage are durable; the error says what is wrong; the whole file later doubles nothing."""
    monkeypatch.setattr(reading, "line_blocks", lambda file: lines.line_blocks(file, 1000))
    path = write("x.ndjson.gz", "".join(record(n) for n in range(2000)))
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    with pytest.raises(Malformed):
        importer.run(path)
    kept = {row["key"] for row in importer.rows()}
    assert 0 < len(kept) < 2000
    path.write_bytes(whole)
    importer.run(path)
    assert len({row["key"] for row in importer.rows()}) == 2000


def test_a_map_that_does_not_fit_changes_nothing(importer: Importer, write: Write) -> None:
    """The first row is not read when the map names a column that is not there."""
    with pytest.raises(Invalid):
        importer.run(write("x.csv", "name,at\na,1\n"), MAP)
    assert importer.ledger().received == 0


def test_blocks_without_rows_are_fine(importer: Importer, write: Write) -> None:
    """A table of a header, or of broken rows only, has no rows to extract."""
    assert importer.run(write("x.csv", "name,device,at\n"), MAP).rows == 0
    assert importer.run(write("y.csv", "name,device,at\na\nb\n"), MAP).rejected == 2
    assert importing.native_lines(Block((), ())).table.num_rows == 0
