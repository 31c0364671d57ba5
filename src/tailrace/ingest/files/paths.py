"""JSON paths: the values that many JSON texts hold at some paths, each as its own JSON text, without a dict per row."""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from tailrace.ingest.files.faults import Faults
from tailrace.ingest.files.mapping import Path

_NONE = msgspec.Raw(b"")
_EMPTY = b"{}"
_arrays = msgspec.json.Decoder(list[msgspec.Raw])
_Decode = Callable[[bytes], Any]


def values_at(texts: Sequence[bytes], paths: Iterable[Path], faults: Faults, where: str) -> dict[Path, Sequence[bytes]]:
    """JSON texts by path; empty where a row has none. A path that leads through a text or a number leads nowhere.

    A key of digits also counts the members of an array, from 0. A text that is not a JSON object is a fault of its row.
    """
    objects = [text if text[:1] == b"{" else _EMPTY for text in texts]
    wrong = [row for row, text in enumerate(texts) if text and text[:1] != b"{"]
    faults.add(wrong, f"{where}: must be a JSON object" if where else "must be a JSON object")
    return _walk(texts, objects, set(paths), faults, where)


def _walk(
    texts: Sequence[bytes], objects: Sequence[bytes], paths: set[Path], faults: Faults, where: str
) -> dict[Path, Sequence[bytes]]:
    found: dict[Path, Sequence[bytes]] = {(): texts} if () in paths else {}
    heads = sorted({path[0] for path in paths if path})
    for head, members in zip(heads, _members(objects, tuple(heads), faults, where), strict=True):
        if head.isascii() and head.isdigit():
            members = _elements(texts, members, int(head))
        rest = {path[1:] for path in paths if path[:1] == (head,)}
        if rest == {()}:
            found[head,] = members
            continue
        inner = [text if text[:1] == b"{" else _EMPTY for text in members]
        found |= {(head, *path): values for path, values in _walk(members, inner, rest, faults, where).items()}
    return found


def _members(objects: Sequence[bytes], keys: tuple[str, ...], faults: Faults, where: str) -> list[Sequence[bytes]]:
    """The members of objects by key. Decoding checks the whole text, also when no key is wanted."""
    rows = decoded(objects, _decoder(keys), faults, where, _EMPTY)
    return [[bytes(getattr(row, f"m{n}")) for row in rows] for n in range(len(keys))]


def decoded(texts: Sequence[bytes], decode: _Decode, faults: Faults, where: str, instead: bytes) -> list[Any]:
    """Each text decoded by itself, so that none can reach into the next; `instead` of those that are faults."""
    try:
        return list(map(decode, texts))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return [_decoded(row, text, decode, faults, where, instead) for row, text in enumerate(texts)]


def _decoded(row: int, text: bytes, decode: _Decode, faults: Faults, where: str, instead: bytes) -> Any:
    try:
        return decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        faults.add((row,), f"{where}: {reason}" if where else reason)
        return decode(instead)


def _elements(texts: Sequence[bytes], members: Sequence[bytes], place: int) -> list[bytes]:
    """Members of objects, or elements of those that are arrays (checked with the object that holds them)."""
    return [_element(text, place) if text[:1] == b"[" else member for text, member in zip(texts, members, strict=True)]


def _element(text: bytes, place: int) -> bytes:
    elements = _arrays.decode(text)
    return bytes(elements[place]) if place < len(elements) else b""


@lru_cache(maxsize=256)
def _decoder(keys: tuple[str, ...]) -> _Decode:
    members = [(f"m{n}", msgspec.Raw, _NONE) for n in range(len(keys))]
    kind = msgspec.defstruct("Members", members, rename={f"m{n}": key for n, key in enumerate(keys)})
    return msgspec.json.Decoder(kind).decode
