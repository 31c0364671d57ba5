"""Rows of CSV: records end with CR LF, and may hold line ends inside of quotes. The first one names the columns."""

import csv
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec import Struct

from tailrace.exports.verify import lines as reading
from tailrace.exports.verify.json import patient
from tailrace.exports.verify.lines import Lines, check_length, whole_lines
from tailrace.exports.verify.rows import ROWS, Batch, Event, Fault, Kind, Row, Session, User, instant_of
from tailrace.exports.verify.streams import Damaged

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what an apostrophe is put before where that was asked for
_EVENTS = msgspec.json.Decoder(list[Event]).decode


def csv_batches(pieces: Iterable[bytes], kind: Kind, *, safe: bool, columns: Sequence[str] | None) -> Iterator[Batch]:
    """The rows of a file.

    Raises:
        Damaged: its header is not that of `columns` (where they are known), or a record does not end.
    """
    csv.field_size_limit(reading.LONGEST_LINE)
    reader: _Reader | None = None
    for some in records(pieces):
        if reader is None:
            reader = _Reader(_header(some.pop(0), columns), kind, safe)
        yield reader.batch(some)
    if reader is None:
        raise Damaged("csv", "it has no header")


def _header(record: bytes, columns: Sequence[str] | None) -> list[str]:
    try:
        found = _cells(record)
    except (ValueError, csv.Error) as error:
        raise Damaged("csv", f"its header: {error}") from None
    if columns is not None and found != list(columns):
        raise Damaged("csv", f"its header names {', '.join(found)[:200]!r} where its schema has other columns")
    return found


def records(pieces: Iterable[bytes]) -> Lines:
    """Records without what ends them.

    Raises:
        Damaged: the last one does not end, or one is longer than any can be.
    """
    open_: list[bytes] = []  # lines of a record that has not ended yet
    quotes = size = 0
    for lines in whole_lines(pieces, "csv"):
        found: list[bytes] = []
        for line in lines:
            quotes += line.count(b'"')
            open_.append(line)
            if line.endswith(b"\r") and quotes % 2 == 0:
                found.append(b"\n".join(open_)[:-1])
                open_, quotes, size = [], 0, 0
            else:
                size += len(line)
                check_length(size, "csv")
        if found:
            yield found
    if open_:
        raise Damaged("csv", "its last record does not end with CR LF outside of quotes")


def _cells(record: bytes) -> list[str]:
    """The cells of one record.

    Raises:
        ValueError, csv.Error: it is none.
    """
    (cells,) = csv.reader([record.decode()], strict=True)
    return cells or [""]  # one empty cell is an empty record


class _Reader(Struct, frozen=True):
    """Makes rows of records."""

    header: Sequence[str]
    kind: Kind
    safe: bool

    def batch(self, found: Sequence[bytes]) -> Batch:
        """Records as rows."""
        faults: list[Fault] = []
        return Batch(found, [self._row(number, record, faults) for number, record in enumerate(found)], faults)

    def _row(self, number: int, record: bytes, faults: list[Fault]) -> Row:
        try:
            cells = _cells(record)
            if len(cells) != len(self.header):
                raise ValueError(f"{len(cells)} cells where the header has {len(self.header)}")
            return self._values(dict(zip(self.header, cells, strict=True)))
        except (ValueError, csv.Error, RecursionError) as error:
            faults.append(Fault(number, str(error)))
            return ROWS[self.kind]()

    def _values(self, cells: dict[str, str]) -> Row:
        """An empty cell is no value."""
        if self.kind == "session":
            return Session(_nested(cells["events"]) if "events" in cells else None)
        time = cells.get("time" if self.kind == "event" else "last_session_start")
        found = instant_of(time) if time else None
        if self.kind == "user":
            return User(found)
        return Event(self._bare(cells.get("id", "")), found, self._bare(cells.get("event", "")))

    def _bare(self, text: str) -> str | None:
        """A text without what guards spreadsheets against it."""
        guarded = self.safe and text[:1] == "'" and text.lstrip("'")[:1] in _FORMULA
        return text[guarded:] or None


def _nested(cell: str) -> list[Event]:
    """The events of a session, JSON in one cell."""
    try:
        return _EVENTS(cell)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return msgspec.convert(patient(cell.encode()), list[Event])
