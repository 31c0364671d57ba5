"""Verify's readers of bytes, lines and records: bounded, exact at their ends, and no error but their own."""

import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from tailrace.exports.verify import lines, streams
from tailrace.exports.verify.csv import csv_batches, records
from tailrace.exports.verify.rows import Event, Session, User, instant_of
from tailrace.exports.verify.streams import Damaged, Window, gunzip, inflate, unzstd
from tailrace.exports.verify.xml import xml_batches

ZSTD = zstandard.ZstdCompressor(write_checksum=True)
Unpack = Callable[[Iterable[bytes]], Iterator[bytes]]
UNPACKERS = [
    (gunzip, gzip.compress, "gzip"),
    (unzstd, ZSTD.compress, "zstd"),
    (inflate, lambda data: zlib.compress(data, wbits=-15), "zip"),
]


def cut(data: bytes, size: int) -> list[bytes]:
    """Data in pieces of a size."""
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize(("unpack", "pack", "code"), UNPACKERS)
@given(data=st.binary(max_size=300), size=st.integers(1, 50), behind=st.binary(max_size=3))
def test_unpacking_is_exact(
    unpack: Unpack, pack: Callable[[bytes], bytes], code: str, data: bytes, size: int, behind: bytes
) -> None:
    """In pieces of any size the data comes out, and whatever follows its end, or lacks before it, is damage."""
    packed = pack(data)
    assert b"".join(unpack(cut(packed, size))) == data
    for wrong in ([packed + behind] if behind else []) + [packed[:-1]]:
        with pytest.raises(Damaged) as raised:
            list(unpack(cut(wrong, size)))
        assert raised.value.code == code


@pytest.mark.parametrize(("unpack", "pack", "code"), UNPACKERS)
def test_what_is_unpacked_comes_in_bounded_pieces(unpack: Unpack, pack: Callable[[bytes], bytes], code: str) -> None:
    """Zeros that pack ten thousand times do not come at once."""
    packed = pack(bytes(200 << 20))
    most = max(len(piece) for piece in unpack([packed]))
    assert most <= (streams.CHUNK if code != "zstd" else 64 << 20)


@given(rows=st.lists(st.lists(st.text(), min_size=2, max_size=2), max_size=8), size=st.integers(1, 40))
def test_records_are_cut_where_csv_ends_them(rows: list[list[str]], size: int) -> None:
    """Whatever quotes and line ends cells hold, records in pieces of any size are those that were written."""
    written = [",".join('"' + cell.replace('"', '""') + '"' for cell in row).encode("utf-8", "replace") for row in rows]
    text = b"".join(record + b"\r\n" for record in written)
    assert [record for some in records(cut(text, size)) for record in some] == written


def test_an_endless_record_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quote that is never closed does not make one record of the rest of the file."""
    monkeypatch.setattr(lines, "LONGEST_LINE", 1 << 10)
    with pytest.raises(Damaged, match="longer than"):
        list(records([b'"a\n'] * 2000))


def test_cells_may_be_long() -> None:
    """Longer than the library's own limit; a column of one empty cell is a row too."""
    text = b"id,time\r\n" + b"x" * 200_000 + b",2026-01-02T03:04:05.678Z\r\n"
    (batch,) = csv_batches([text], "event", safe=False, columns=("id", "time"))
    assert (batch.faults, [len(i) for _, i in batch.ids()]) == ([], [200_000])
    (batch,) = csv_batches([b"country\r\n\r\nDE\r\n"], "event", safe=False, columns=None)
    assert (len(batch.rows), batch.faults) == (2, [])


def test_guards_are_undone() -> None:
    """What guards a spreadsheet is no part of an id, where it was asked for."""
    text = b"id\r\n'=1\r\n'-x\r\n'a\r\n=2\r\n"
    for safe, expected in ((True, ["=1", "-x", "'a", "=2"]), (False, ["'=1", "'-x", "'a", "=2"])):
        (batch,) = csv_batches([text], "event", safe=safe, columns=None)
        assert [row_id for _, row_id in batch.ids()] == expected


def test_the_same_is_seen_in_csv_and_xml() -> None:
    """Sessions with nested events, and users with their last session, in both formats."""
    time, at = "2026-01-02T03:04:05.678Z", datetime.fromisoformat("2026-01-02T03:04:05.678+00:00")
    sheet = f'session_id,events\r\ns,"[{{""id"":""1"",""time"":""{time}""}},{{}}]"\r\n'.encode()
    tags = f"<session><events><event><id>1</id><time>{time}</time></event><event></event></events></session>"
    document = f'<?xml version="1.0" encoding="UTF-8"?>\n<rows>\n{tags}\n</rows>\n'.encode()
    (from_csv,) = csv_batches([sheet], "session", safe=False, columns=None)
    (from_xml,) = xml_batches([document], "session")
    assert from_csv.rows == from_xml.rows == [Session([Event("1", at), Event()])]
    users = document.replace(tags.encode(), f"<user><last_session_start>{time}</last_session_start></user>".encode())
    (from_csv,) = csv_batches([f"last_session_start\r\n{time}\r\n".encode()], "user", safe=False, columns=None)
    (from_xml,) = xml_batches([users], "user")
    assert from_csv.rows == from_xml.rows == [User(at)]


def test_an_id_that_xml_could_not_hold_is_not_compared() -> None:
    """Two ids may have become one by U+FFFD: they are there, but prove nothing."""
    rows = "".join(f"<event><id>{row_id}</id></event>\n" for row_id in ("a", "\ufffd", "\ufffd"))
    (batch,) = xml_batches([f'<?xml version="1.0" encoding="UTF-8"?>\n<rows>\n{rows}</rows>\n'.encode()], "event")
    assert [row_id for _, row_id in batch.ids()] == ["a"]
    assert [event.id for _, event in batch.events()] == ["a", "\ufffd", "\ufffd"]


@pytest.mark.parametrize("text", ["", "x", "2026-01-02T03:04:05", "12"])
def test_a_time_needs_its_zone(text: str) -> None:
    """What is no instant is refused."""
    with pytest.raises(ValueError, match=r".+"):
        instant_of(text)


def test_a_window_is_a_file_of_its_own(tmp_path: Path) -> None:
    """Reading and seeking inside a stretch never leaves it."""
    path = tmp_path / "f"
    path.write_bytes(b"0123456789")
    with Window(path, 2, 5) as window:
        assert (window.read(), window.read(1)) == (b"23456", b"")
        assert (window.seek(-2, 2), window.read(9), window.seek(1), window.seek(1, 1), window.read(1)) == (
            *(3, b"56", 1, 2),
            b"4",
        )
        assert (window.seek(9), window.read(1), window.seekable(), window.readable()) == (9, b"", True, True)
