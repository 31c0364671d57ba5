"""Reading downloaded files: chunks, one gzip member, whole lines, rows. Nothing here is shared with what wrote them.

Memory does not grow with the file: chunks, and what is inflated from them, are handed on in pieces of `CHUNK` bytes.
"""

import json
import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Never

import msgspec
from msgspec import Meta, Struct

CHUNK = 1 << 20
LONGEST_LINE = 64 << 20  # without a bound, one damaged byte could make a line of the rest of the file


class Damaged(Exception):
    """A file cannot be read any further. `code` says what it breaks."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


class Row(Struct, gc=False):
    """What is looked at in a row."""

    id: str | None = None
    time: Annotated[datetime, Meta(tz=True)] | None = None


_decode = msgspec.json.Decoder(Row).decode


def chunks(path: Path) -> Iterator[bytes]:
    """The bytes of a file."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def inflate(packed: Iterable[bytes]) -> Iterator[bytes]:
    """What one gzip member holds, in pieces. The plain library reads it, as most of our readers will.

    Raises:
        Damaged: it is no gzip, it is cut, or something follows its first member.
    """
    member = zlib.decompressobj(wbits=31)
    for chunk in packed:
        if member.eof:
            raise Damaged("gzip", "more bytes after the end of its first member")
        yield from _pieces(member, chunk)
    if not member.eof:
        raise Damaged("gzip", "it ends in the middle of its member")


def _pieces(member: "zlib._Decompress", chunk: bytes) -> Iterator[bytes]:
    while True:
        try:
            piece = member.decompress(chunk, CHUNK)
        except zlib.error as error:
            raise Damaged("gzip", str(error)) from None
        if piece:
            yield piece
        if member.unused_data:
            raise Damaged("gzip", "more bytes after the end of its first member")
        chunk = member.unconsumed_tail
        # A full piece may leave output inside the decompressor even when no input is left.
        if member.eof or (not chunk and len(piece) < CHUNK):
            return


def whole_lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes, cut behind newlines.

    Raises:
        Damaged: a line does not end, or not within bounds.
    """
    rest = b""
    for piece in pieces:
        head, newline, tail = piece.rpartition(b"\n")
        if newline:
            yield rest + head + newline
            rest = tail
        else:
            rest += piece
        if len(rest) > LONGEST_LINE:
            raise Damaged("lines", f"a line longer than {LONGEST_LINE} bytes")
    if rest:
        raise Damaged("lines", "its last line has no newline")


def rows_of(lines: bytes, bad: list[tuple[int, str]]) -> list[Row]:
    """The rows of whole lines; a line that is no row gives an empty one, and its number (from 0) and fault in `bad`."""
    texts = lines[:-1].split(b"\n")
    try:
        lines.decode()  # the decoder does not look into the strings that it skips
        return list(map(_decode, texts))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return [_patient_row(number, text, bad) for number, text in enumerate(texts)]


def _patient_row(number: int, text: bytes, bad: list[tuple[int, str]]) -> Row:
    """One row, by the library that refuses only what the grammar refuses: escapes of half a pair are allowed by it."""
    try:
        value = json.loads(text.decode(), parse_constant=_refuse)
        if isinstance(value, dict):
            return msgspec.convert(value, Row)
        bad.append((number, "not an object"))
    except (ValueError, RecursionError) as error:
        bad.append((number, str(error)))
    return Row()


def _refuse(constant: str) -> Never:
    raise ValueError(f"{constant} is not JSON")


def id_bytes(row_id: str) -> bytes:
    """The id as bytes, halves of pairs included."""
    return row_id.encode("utf-8", "surrogatepass")
