"""Rows of XML: an element on a line each, between `<rows>` and `</rows>`.

Each is parsed for itself. What begins with the tag of a row cannot declare entities, so none can be expanded; and rows
that are whole elements make a whole document of the lines around them.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from xml.etree import ElementTree

from tailrace.exports.verify.lines import between, whole_lines
from tailrace.exports.verify.rows import ROWS, Batch, Event, Fault, Kind, Row, Session, User, instant_of

_HEAD = (b'<?xml version="1.0" encoding="UTF-8"?>', b"<rows>")
_TAIL = b"</rows>"


def xml_batches(pieces: Iterable[bytes], kind: Kind) -> Iterator[Batch]:
    """The rows of a file.

    Raises:
        Damaged: it does not begin or end as it should.
    """
    for texts in between(whole_lines(pieces, "xml"), _HEAD, _TAIL, "xml"):
        faults: list[Fault] = []
        yield Batch(texts, [_row(number, text, kind, faults) for number, text in enumerate(texts)], faults, lossy=True)


def _row(number: int, text: bytes, kind: Kind, faults: list[Fault]) -> Row:
    try:
        return _values(_parsed(text, kind), kind)
    except (ElementTree.ParseError, ValueError) as error:
        faults.append(Fault(number, str(error)))
        return ROWS[kind]()


def _parsed(text: bytes, kind: Kind) -> ElementTree.Element:
    if not text.startswith(f"<{kind}>".encode()):
        raise ValueError(f"no element <{kind}>")
    return ElementTree.fromstring(text)  # noqa: S314 - see above


def _values(row: ElementTree.Element, kind: Kind) -> Row:
    if kind == "event":
        return _event(row)
    if kind == "user":
        return User(_time(row, "last_session_start"))
    nested = row.find("events")
    return Session(None if nested is None else [_event(one) for one in nested])


def _event(element: ElementTree.Element) -> Event:
    return Event(element.findtext("id"), _time(element, "time"), element.findtext("event"))


def _time(element: ElementTree.Element, name: str) -> datetime | None:
    text = element.findtext(name)
    return None if text is None else instant_of(text)
