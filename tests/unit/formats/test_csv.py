"""CSV against RFC 4180: cells, quotes, line ends, and what a spreadsheet makes of them."""

import csv
import io
from itertools import permutations

import pyarrow as pa
import pytest

from tailrace.formats.csv import guarded, header, quoted
from tests.reading import read_csv
from tests.unit.formats.rows import HOSTILE, Row, events_file, sessions_file, table_file

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"]


def encode(events: list[Row], names: list[str], **options: bool) -> bytes:
    """Events of one session without values of its own."""
    return events_file("csv", [{}], [0] * len(events), events, names, **options)


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("", b'""'),
        (None, b""),
        ("a b", b"a b"),
        (" a ", b" a "),
        ("a,b", b'"a,b"'),
        ('say "x"', b'"say ""x"""'),
        ('"', b'""""'),
        ("a\nb", b'"a\nb"'),
        ("a\rb", b'"a\rb"'),
        ("a\r\nb", b'"a\r\nb"'),
        ("\n", b'"\n"'),
        ("a\tb;c'd", b"a\tb;c'd"),
        ("\x00", b"\x00"),
        ("null", b"null"),
        ("=1+1", b"=1+1"),
    ],
)
def test_a_text_is_quoted_only_where_it_must_be(text: str | None, cell: bytes) -> None:
    """A comma, a quote or a line end, and an empty text, which is not the same as a missing one."""
    assert encode([{"id": "1", "info": text}], ["id", "info"]) == b"id,info\r\n1," + cell + b"\r\n"


def test_quotes_depend_on_the_text_alone() -> None:
    """However many neighbours need quotes, a text that needs none has none: equal rows have equal digests."""
    for texts in (["a", '"'], ["a", '"', "b", "c", "d"], ["a", None, ","], ["a", "", ""]):
        cells = quoted(pa.array(texts, pa.string())).to_pylist()
        assert [cell for text, cell in zip(texts, cells, strict=True) if text and text.isalpha()] == [
            text for text in texts if text and text.isalpha()
        ]
        assert [cell is None for cell in cells] == [text is None for text in texts]


def test_other_kinds_are_never_ambiguous() -> None:
    """Numbers, instants, flags and JSON in one row."""
    row = {"id": "1", "level": -5, "value": 1e300, "time": 0, "is_paying": False, "params": '{"a":"x\\n\\"","b":[1]}'}
    assert encode([row], ["level", "value", "time", "is_paying", "params"]) == (
        b"level,value,time,is_paying,params\r\n"
        b'-5,1e+300,1970-01-01T00:00:00.000Z,false,"{""a"":""x\\n\\"""",""b"":[1]}"\r\n'
    )


def test_a_header_is_a_row_like_any_other() -> None:
    """Names with commas, quotes and line ends come back; in order."""
    names = ["a", "b,c", 'd"', "e\r\nf", "g\n", "", "ü😀"]
    assert next(csv.reader(io.StringIO(header(names).decode(), newline=""))) == names


def test_a_row_of_one_empty_cell_is_not_a_blank_line() -> None:
    """Readers skip blank lines, so a file of one column writes a missing value as an empty text."""
    data = encode([{"id": "1", "info": "x"}, {"id": "2"}, {"id": "3", "info": ""}], ["info"])
    assert data == b'info\r\nx\r\n""\r\n""\r\n'
    assert len(list(csv.DictReader(io.StringIO(data.decode(), newline="")))) == 3
    assert encode([{}, {}], ["info"]) == b'info\r\n""\r\n""\r\n'
    assert table_file("csv", [{}, {}], [{}, {}], ["info"], []) == b'info\r\n""\r\n""\r\n'
    assert table_file("csv", [{}, {}], [{}, {"k": "1"}], ["info"], ["k"]) == b"info,params.k\r\n,\r\n,1\r\n"


@pytest.mark.parametrize("text", FORMULAS)
def test_a_text_like_a_formula_is_guarded_on_request(text: str) -> None:
    """`csv_safe` puts an apostrophe before it in texts and in parameters; without it nothing is changed."""
    for safe, prefix in ((False, ""), (True, "'")):
        rows = read_csv(encode([{"id": "1", "info": text}], ["id", "info"], safe=safe))
        assert rows == [{"id": "1", "info": prefix + text}]
        value = '"' + text.replace("\t", "\\t").replace("\r", "\\r") + '"'
        made = table_file("csv", [{"id": "1"}], [{"k": value}], ["id"], ["k"], safe=safe)
        assert read_csv(made) == [{"id": "1", "params.k": prefix + text}]


def test_numbers_are_no_formulas() -> None:
    """A negative number stays one under `csv_safe`, as a column and as a parameter."""
    row: Row = {"id": "1", "level": -5, "value": -0.5}
    assert encode([row], ["level", "value"], safe=True).endswith(b"\r\n-5,-0.5\r\n")
    made = table_file("csv", [row], [{"a": "-5", "b": "-1e5", "c": "null"}], ["id"], ["a", "b", "c"], safe=True)
    assert made.endswith(b"\r\n1,-5,-1e5,\r\n")


def test_guarding_leaves_everything_else_alone() -> None:
    """Only the first sign counts, and what is missing stays missing."""
    texts = [text for text in HOSTILE if text[:1] not in tuple("=+-@\t\r")]
    assert guarded(pa.array([*texts, None], pa.string())).to_pylist() == [*texts, None]
    assert guarded(pa.array(["a=1", "a\n=1"], pa.string())).to_pylist() == ["a=1", "a\n=1"]


def test_gaps_stand_between_parameters() -> None:
    """Every subset of columns: each row has as many cells as the header, each value under its name."""
    keys = ["a", "b", "c", "d"]
    subsets = [{key: f'"{key}"' for n, key in enumerate(keys) if bits >> n & 1} for bits in range(16)]
    events = [{"id": f"{n}"} for n in range(16)]
    rows = read_csv(table_file("csv", events, subsets, ["id"], keys))
    assert rows == [
        event | {f"params.{key}": key for key in subset} for event, subset in zip(events, subsets, strict=True)
    ]


def test_parameters_come_in_the_order_of_the_columns_not_of_the_rows() -> None:
    """However a sender orders keys, the cells stand under their names."""
    for keys in permutations("abc"):
        sent = [{key: f'"{key}"' for key in keys}]
        assert table_file("csv", [{"id": "1"}], sent, ["id"], ["a", "b", "c"]).endswith(b"\r\n1,a,b,c\r\n")


def test_strings_and_numbers_of_a_parameter_look_alike() -> None:
    """A cell holds what a value says; objects and arrays are JSON text."""
    sent = [{"k": "1"}, {"k": '"1"'}, {"k": '""'}, {"k": "null"}, {"k": '{"a":"b"}'}, {"k": "true"}]
    made = table_file("csv", [{"id": "1"}] * 6, sent, ["id"], ["k"])
    assert made.split(b"\r\n")[1:-1] == [b"1,1", b"1,1", b'1,""', b"1,", b'1,"{""a"":""b""}"', b"1,true"]


def test_the_events_of_a_session_are_one_cell() -> None:
    """An array of objects as JSON text, quoted once more."""
    sessions = [{"session_id": "s,1"}, {"session_id": "s2"}]
    events: list[Row] = [{"info": 'x"y'}, {"id": "b"}, {"level": 1}]
    assert sessions_file("csv", sessions, [0, 0, 1], events, ["session_id", "info", "level"]) == (
        b'session_id,events\r\n"s,1","[{""info"":""x\\""y""},{}]"\r\ns2,"[{""level"":1}]"\r\n'
    )


def test_a_session_without_event_columns_has_no_such_cell() -> None:
    """With columns of the session alone there is nothing to nest."""
    made = sessions_file("csv", [{"session_id": "s1"}], [0], [{"id": "a"}], ["session_id", "country"])
    assert made == b"session_id,country\r\ns1,\r\n"
