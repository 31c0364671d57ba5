"""Rows of JSON: an object on a line each, or the elements of one array, which stand on lines of their own too."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Never

import msgspec

from tailrace.exports.verify.lines import Lines, between, whole_lines
from tailrace.exports.verify.rows import ROWS, Fault, Kind, Row
from tailrace.exports.verify.streams import Damaged

_DECODE = {kind: msgspec.json.Decoder(row).decode for kind, row in ROWS.items()}


def json_lines(pieces: Iterable[bytes]) -> Lines:
    """The rows of lines of JSON."""
    return whole_lines(pieces, "json")


def json_elements(pieces: Iterable[bytes]) -> Lines:
    """The rows of one array.

    Raises:
        Damaged: its brackets or the commas between its elements are not where they should be.
    """
    held: list[bytes] = []
    for lines in between(whole_lines(pieces, "json"), [b"["], b"]", "json"):
        held += lines
        yield [_element(line) for line in held[:-1]]
        held = held[-1:]
    yield held


def _element(line: bytes) -> bytes:
    if not line.endswith(b","):
        raise Damaged("json", "no comma behind an element of its array")
    return line[:-1]


def json_rows(texts: Sequence[bytes], kind: Kind, faults: list[Fault]) -> Sequence[Row]:
    """The rows of texts; one that is no object gives an empty row, and a fault."""
    decode = _DECODE[kind]
    try:
        b"\n".join(texts).decode()  # the decoder does not look into the strings that it skips
        return [decode(text) for text in texts]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return [_patient_row(number, text, kind, faults) for number, text in enumerate(texts)]


def _patient_row(number: int, text: bytes, kind: Kind, faults: list[Fault]) -> Row:
    """One row, by the library that refuses only what the grammar refuses: escapes of half a pair are allowed by it."""
    try:
        value = patient(text)
        if isinstance(value, dict):
            return msgspec.convert(value, ROWS[kind])
        faults.append(Fault(number, "not an object"))
    except (ValueError, RecursionError) as error:
        faults.append(Fault(number, str(error)))
    return ROWS[kind]()


def patient(text: bytes) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: it is none.
    """
    return json.loads(text.decode(), parse_constant=_refuse)


def _refuse(constant: str) -> Never:
    raise ValueError(f"{constant} is not JSON")
