"""Files of every format and packing give the same rows, with the numbers that an editor shows."""

import datetime as dt
import decimal
import io
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tailrace.ingest.files import lines, tables
from tailrace.ingest.files.blocks import Block
from tailrace.ingest.files.opening import opened
from tailrace.model.errors import Invalid, Malformed

Blocks = Callable[[Path], list[Block]]
Write = Callable[[str, str | bytes], Path]

ROWS = [
    {"event": "a", "device_id": "d1", "info": "plain"},
    {"event": "b", "device_id": "d2", "info": 'quote " comma , tab \t break \n end'},
    {"event": "é😀", "device_id": "d3", "info": "  spaces  "},
]


def as_csv(delimiter: str) -> bytes:
    def cell(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    rows = [list(ROWS[0]), *([cell(text) for text in row.values()] for row in ROWS)]
    return "".join(delimiter.join(row) + "\r\n" for row in rows).encode()


def as_parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


CONTENT = {
    "ndjson": "".join(json.dumps(row) + "\n" for row in ROWS).encode(),
    "csv": as_csv(","),
    "tsv": as_csv("\t"),
    "parquet": as_parquet(pa.Table.from_pylist(ROWS)),
}


def cells(block: Block) -> list[dict[str, object]]:
    return [json.loads(block.raw_of(row)) for row in range(len(block.lines))]


@pytest.mark.parametrize("packing", ["", ".gz", ".zst"])
@pytest.mark.parametrize("form", CONTENT)
def test_every_format_and_packing_holds_equal_rows(write: Write, blocks: Blocks, form: str, packing: str) -> None:
    """Plain, as two gzip members and as two zstd frames, each format gives the rows that were written."""
    found = blocks(write(f"rows.{form}{packing}", CONTENT[form]))
    assert [row for block in found for row in cells(block)] == ROWS
    assert found[-1].done > 0


@pytest.mark.parametrize("form", ["ndjson", "csv", "tsv", "parquet"])
def test_packing_is_decided_by_the_first_bytes(write: Write, blocks: Blocks, form: str, tmp_path: Path) -> None:
    """A packed file without the suffix and an unpacked one with it are read all the same."""
    packed = write(f"rows.{form}.gz", CONTENT[form]).rename(tmp_path / f"bare.{form}")
    plain = write(f"rows.{form}", CONTENT[form]).rename(tmp_path / f"named.{form}.gz")
    for path in (packed, plain):
        assert [row for block in blocks(path) for row in cells(block)] == ROWS


def test_the_format_may_be_known_by_content_alone(write: Write, blocks: Blocks) -> None:
    """JSON and Parquet need no suffix; anything else is asked for; a suffix that lies about Parquet is named."""
    assert len(blocks(write("rows", CONTENT["ndjson"]))) == 1
    assert len(blocks(write("rows", CONTENT["parquet"]))) == 1
    for name, form in (("rows", "csv"), ("rows.csv", "parquet"), ("rows.parquet", "csv")):
        with pytest.raises(Invalid) as error:
            blocks(write(name, CONTENT[form]))
        assert error.value.where == "file.format"


@pytest.mark.parametrize("name", ["rows.ndjson.gz", "rows.csv.gz", "rows.ndjson.zst", "rows.parquet.zst"])
def test_a_damaged_packing_is_named(write: Write, blocks: Blocks, name: str) -> None:
    """A packed file that ends too early is an error that says which file, not a short import."""
    path = write(name, CONTENT[name.split(".")[1]] * 100)
    path.write_bytes(path.read_bytes()[:-6])
    with pytest.raises(Malformed) as error:
        blocks(path)
    assert error.value.why.startswith(name)


def test_a_missing_file_is_missing(blocks: Blocks, tmp_path: Path) -> None:
    """A file that is not there is the operating system's own error."""
    with pytest.raises(FileNotFoundError):
        blocks(tmp_path / "none.ndjson")


@pytest.mark.parametrize("form", ["ndjson", "csv", "tsv"])
def test_an_empty_file_has_no_rows(write: Write, blocks: Blocks, form: str) -> None:
    """No bytes, or only a header, are no rows and no error."""
    assert [line for block in blocks(write(f"none.{form}", b"")) for line in block.lines] == []
    if form != "ndjson":
        assert [line for block in blocks(write(f"head.{form}", b"event\r\n")) for line in block.lines] == []


def test_blank_lines_are_counted_and_skipped(write: Write, blocks: Blocks) -> None:
    """Line numbers are the file's own: blank lines, CRLF, a BOM and a missing last line end included."""
    found = blocks(write("x.ndjson", b'\xef\xbb\xbf{"a":1}\r\n\r\n  \n{"a":2}\n\n{"a":3}'))
    rows = [row for block in found for row in zip(block.lines, block.texts, strict=True)]
    assert rows == [(1, b'{"a":1}'), (4, b'{"a":2}'), (6, b'{"a":3}')]


@pytest.mark.parametrize("size", [1, 2, 7, 64, 1 << 20])
def test_blocks_of_lines_join_without_a_gap(write: Write, size: int) -> None:
    """However small the pieces that are read, every line comes once and with its number."""
    path = write("x.ndjson", "".join(f'{{"n":{n}}}\n' + "\n" * (n % 3) for n in range(40)))
    with opened(path, None) as file:
        found = [row for b in lines.line_blocks(file, size) for row in zip(b.lines, b.texts, strict=True)]
    expected = enumerate(path.read_bytes().split(b"\n"), 1)
    assert found == [(line, text) for line, text in expected if text]


@pytest.mark.parametrize("size", [8, 50, 1 << 20])
def test_an_over_long_line_is_one_dead_letter(write: Write, size: int) -> None:
    """A line over the limit is reported by its number, cut, and harms no other; memory stays bounded."""
    path = write("x.ndjson", b'{"n":1}\n' + b"x" * 1000 + b'\n{"n":3}\n' + b"y" * 200)
    with opened(path, None) as file:
        found = list(lines.line_blocks(file, size, longest=100))
    assert [text for block in found for text in block.texts] == [b'{"n":1}', b'{"n":3}']
    assert [(bad.line, bad.raw[:3]) for block in found for bad in block.broken] == [(2, b"xxx"), (4, b"yyy")]


@pytest.mark.parametrize("size", [64, 1 << 20])
def test_rows_of_a_wrong_length_are_broken(write: Write, size: int) -> None:
    """Rows with too few or too many cells are reported by row number with their text; the others keep theirs."""
    rows = ["a,b", "1,2", "", "3", "4,5", '"x\ny",6', "7,8,9", *["k,l"] * 30, "m", "9,9"]
    path = write("x.csv", "\n".join(rows))
    with opened(path, None) as file:
        found = list(tables.TableReader(file, size).blocks())
    broken = [(bad.line, bad.reason, bad.raw) for block in found for bad in block.broken]
    assert broken == [
        (4, "1 cells where the header has 2", b"3"),
        (7, "3 cells where the header has 2", b"7,8,9"),
        (38, "1 cells where the header has 2", b"m"),
    ]
    assert [line for block in found for line in block.lines] == [2, 5, 6, *range(8, 38), 39]


def test_rows_that_are_not_utf8_are_broken(write: Write, blocks: Blocks) -> None:
    """Bytes that are not UTF-8 cost their own row only, also one of a wrong length, and are kept as they were."""
    path = write("x.tsv", b"a\tb\n1\t\xff2\n3\t\xc3\xa9\n\xfe\n\xe2\x82\t5\n6\t\xf0\x9f\x98\x80\n")
    found = blocks(path)
    assert [row for block in found for row in cells(block)] == [{"a": "3", "b": "é"}, {"a": "6", "b": "😀"}]
    assert [line for block in found for line in block.lines] == [3, 6]
    assert sorted((bad.line, bad.raw) for block in found for bad in block.broken) == [
        (2, b"1\t\xff2"),
        (4, b"\xfe"),
        (5, b"\xe2\x82\t5"),
    ]


def test_characters_survive_the_borders_of_pieces(write: Write) -> None:
    """A character whose bytes fall into two pieces is not taken for a bad one."""
    path = write("x.csv", "a,b\n" + "é😀,€\n" * 300)
    for size in (61, 62, 63, 64):
        with opened(path, None) as file:
            found = list(tables.TableReader(file, size).blocks())
        assert sum(len(block.lines) for block in found) == 300
        assert not any(block.broken for block in found)


def test_a_row_longer_than_a_block_is_named(write: Write) -> None:
    """A quote that is never closed ends the import with a reason and the place, not with memory."""
    path = write("x.csv", "a,b\n1,2\n" + '3,"' + "x" * 5000)
    with opened(path, None) as file, pytest.raises(Malformed) as error:
        list(tables.TableReader(file, 256).blocks())
    assert "near row" in error.value.why


def test_a_header_must_be_of_distinct_names(write: Write, blocks: Blocks) -> None:
    """Two columns of one name cannot be told apart."""
    with pytest.raises(Malformed, match="twice: 'a'"):
        blocks(write("x.csv", "a,b,a\n1,2,3\n"))


def test_parquet_values_become_text(write: Write, blocks: Blocks) -> None:
    """Every type has one spelling as text: instants with zone in UTC, floats with a point, nested values as JSON."""
    moment = dt.datetime(2026, 1, 2, 3, 4, 5, 678_900, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    columns = {
        "int": pa.array([2**60, None]),
        "float": pa.array([14.0, float("nan")]),
        "bool": pa.array([True, None]),
        "instant": pa.array([moment, None], pa.timestamp("us", "Europe/Berlin")),
        "local": pa.array([moment.replace(tzinfo=None), None], pa.timestamp("us")),
        "day": pa.array([dt.date(2026, 1, 2), None]),
        "money": pa.array([decimal.Decimal("1.50"), None]),
        "struct": pa.array([{"a": [1, None]}, None]),
        "map": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
        "word": pa.array(["x", None]).dictionary_encode(),
        "bytes": pa.array([b"\xc3\xa9", None]),
    }
    (block,) = blocks(write("x.parquet", as_parquet(pa.table(columns))))
    first, second = cells(block)
    assert first == {
        "int": str(2**60),
        "float": "14.0",
        "bool": "true",
        "instant": "2026-01-02T01:04:05.678Z",
        "local": "2026-01-02T03:04:05.678",
        "day": "2026-01-02",
        "money": "1.50",
        "struct": '{"a":[1,null]}',
        "map": '{"k":1}',
        "word": "x",
        "bytes": "é",
    }
    assert set(second.values()) == {None}


def test_binary_cells_of_parquet_are_broken(write: Write, blocks: Blocks) -> None:
    """A binary cell that is not text costs its own row only."""
    (block,) = blocks(write("x.parquet", as_parquet(pa.table({"event": [b"a", b"\xff", b"c"]}))))
    assert (list(block.lines), [bad.line for bad in block.broken]) == ([1, 3], [2])
    assert block.broken[0].reason == "event: not UTF-8"
