"""Columns of JSON objects as texts: their top-level members, exactly as they were sent.

No parser, no Python loop per row: NumPy finds the marks of JSON outside of strings for a block of texts at a time, and
members are slices between them. So digits, exponents, escapes and spaces inside of values stay what they were. The
texts must be valid JSON, which accept sees to; of a key that stands twice in an object the last one counts.
"""

import json
from collections.abc import Iterator, Sequence
from itertools import starmap
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

BLOCK_BYTES = 256 << 10  # a block and what is made of it fit the cache
_QUOTE, _BACKSLASH, _COMMA, _COLON = b'"\\,:'
_OPEN, _CLOSE, _BRACE = ord("{"), ord("}"), 0x20  # `[` and `]` become braces by their sixth bit
_SPACE = 0x20  # no value starts or ends with a byte up to this one


_FEW_KEYS = 8
_WORTH_FILTERING = 0.8
_SHORT_ESCAPES = '"\\/'


class Members(NamedTuple):
    """Top-level members in the order of their rows: `row` int64, `key` decoded, as a dictionary, `value` raw JSON."""

    row: pa.Array
    key: pa.DictionaryArray
    value: pa.Array


class Values(NamedTuple):
    """Where the top-level values of some texts lie in their bytes. `ends` are where the texts end, `first` is the row
    of the first. A value's ends may still be spaces.
    """

    first: int
    data: Bytes
    ends: Places
    starts: Places
    stops: Places


def extract(texts: pa.Array, key: str) -> pa.Array:
    """The raw JSON text of one member of each object; null where it has none."""
    return extract_all(texts, [key])[0]


def extract_all(texts: pa.Array, keys: Sequence[str]) -> list[pa.Array]:
    """The raw JSON texts of several members, for the price of looking at the texts once."""
    rows, present = _narrowed(*_present(texts), keys)
    found: list[list[tuple[Places, pa.Array]]] = [[] for _ in keys]
    for first, data, ends in _cut(present):
        if wanted := _likely(data, keys):
            block = _block(first, data, ends)
            for place in wanted:
                hits = block.named(keys[place])
                found[place].append((rows[block.rows(hits)], block.values(hits)))
    return [_column(parts, len(texts)) for parts in found]


def members(texts: pa.Array) -> Members:
    """All top-level members of each object, each key once per row."""
    rows, present = _present(texts)
    parts = [_block_members(block, rows) for block in starmap(_block, _cut(present))]
    if not parts:
        return Members(
            pa.array([], pa.int64()), pa.array([], pa.string()).dictionary_encode(), pa.array([], pa.string())
        )
    keys = pa.chunked_array([part.key for part in parts]).unify_dictionaries().combine_chunks()
    return Members(pa.concat_arrays([p.row for p in parts]), keys, pa.concat_arrays([p.value for p in parts]))


def values(texts: pa.Array) -> Iterator[Values]:
    """All top-level values where they are, a block of texts at a time; no text is null."""
    for first, data, ends in _cut(texts):
        block = _block(first, data, ends)
        yield Values(first, data, ends, block.value_start, block.value_stop)


def decode(strings: pa.Array) -> pa.Array:
    """What JSON strings (quotes included) say; half of a surrogate pair becomes U+FFFD."""
    plain = pc.utf8_slice_codeunits(strings, 1, -1)
    escaped = pc.match_substring(strings, "\\")
    if not pc.any(escaped).as_py():
        return plain
    return pc.replace_with_mask(plain, escaped, _unescaped(strings.filter(escaped).to_pylist()))


class _Block(Struct, frozen=True):
    """Some whole texts and the top-level members in them: where each key (with its quotes) and value lies.

    A value's ends may still be spaces. `first` is the row of the first text; `ends` are where the texts end.
    """

    first: int
    data: Bytes
    ends: Places
    escapes: Places
    key_start: Places
    key_stop: Places
    value_start: Places
    value_stop: Places

    def rows(self, hits: Places | slice) -> Places:
        """The rows of some members."""
        return np.searchsorted(self.ends, self.key_start[hits], side="right") + self.first

    def keys(self, hits: Places | slice) -> pa.Array:
        """The keys of some members as JSON strings."""
        return _slices(self.data, self.key_start[hits], self.key_stop[hits])

    def values(self, hits: Places | slice) -> pa.Array:
        """The raw JSON values of some members."""
        starts, stops = self.value_start[hits], self.value_stop[hits]
        values = _slices(self.data, starts, stops)
        if np.any(self.data[starts] <= _SPACE) or np.any(self.data[stops - 1] <= _SPACE):
            return pc.ascii_trim(values, characters=" \t\r\n")
        return values

    def named(self, key: str) -> Places:
        """The members of that name, in order."""
        wanted = _plain(key)
        hits = np.flatnonzero(self.key_stop - self.key_start == len(wanted))
        for place, byte in enumerate(wanted):
            hits = hits[self.data[self.key_start[hits] + place] == byte]
        escaped = self._escaped_keys()
        if not len(escaped):
            return hits
        spelled = self.keys(escaped).dictionary_encode()
        same = pc.equal(decode(spelled.dictionary), pa.scalar(key)).take(spelled.indices)
        return np.union1d(hits, escaped[_numpy(same)])

    def _escaped_keys(self) -> Places:
        """Members whose key is written with escapes."""
        nearest = np.searchsorted(self.key_start, self.escapes) - 1
        inside = nearest >= 0
        inside &= self.escapes < self.key_stop[nearest] if len(self.key_stop) else False
        return np.unique(nearest[inside])


def _present(texts: pa.Array) -> tuple[Places, pa.Array]:
    """The rows that have a text, and their texts."""
    if not texts.null_count:
        return np.arange(len(texts)), texts
    return np.flatnonzero(_numpy(texts.is_valid())), texts.drop_null()


def _narrowed(rows: Places, texts: pa.Array, keys: Sequence[str]) -> tuple[Places, pa.Array]:
    """Those of few keys that may hold one: a search for the key costs far less than a look at every mark."""
    if len(keys) > _FEW_KEYS:
        return rows, texts
    possible = np.zeros(len(texts), dtype=np.bool_)
    for needle in {needle for key in keys for needle in (_plain(key).decode(), _escape_of(key))}:
        possible |= _numpy(pc.match_substring(texts, needle))
    if possible.sum() > _WORTH_FILTERING * len(texts):
        return rows, texts
    return rows[possible], texts.filter(pa.array(possible))


def _escape_of(key: str) -> str:
    """What stands in every text that spells a key otherwise than `_plain` does."""
    return "\\" if any(sign in _SHORT_ESCAPES or sign < " " for sign in key) else "\\u"


def _likely(data: Bytes, keys: Sequence[str]) -> list[int]:
    """Which of the keys may stand in some texts: those that do, and with escapes in the texts any."""
    text = data.tobytes()
    return [place for place, key in enumerate(keys) if b"\\" in text or _plain(key) in text]


def _plain(key: str) -> bytes:
    """A key as JSON without escapes; found nowhere if it needs some."""
    return f'"{key}"'.encode()


def _cut(texts: pa.Array) -> Iterator[tuple[int, Bytes, Places]]:
    """Blocks of about `BLOCK_BYTES`, one text at least, of texts without nulls: first row, bytes, where texts end."""
    _, offsets, content = texts.buffers()
    if not len(texts) or not content:
        return
    bounds = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    data = np.frombuffer(content, np.uint8)
    start = 0
    while start < len(texts):
        full = int(np.searchsorted(bounds, bounds[start] + BLOCK_BYTES, side="right")) - 1
        stop = max(full, start + 1)
        yield start, data[bounds[start] : bounds[stop]], bounds[start + 1 : stop + 1] - bounds[start]
        start = stop


def _block(first: int, data: Bytes, ends: Places) -> _Block:
    """Members are a key, a colon on the first level, and all up to the comma or brace that ends it."""
    escapes = np.flatnonzero(data == _BACKSLASH)
    places, marks = _marks(data, escapes)
    depth = _depth(marks)
    on_top = depth == 1
    colons = on_top & (marks == _COLON)
    stops = (on_top & (marks == _COMMA)) | (depth == 0)
    turns = np.flatnonzero(colons | stops)
    turn = np.flatnonzero(colons[turns])
    colon, stop = turns[turn], turns[turn + 1]
    starts, ends_of = places[colon] + 1, places[stop]
    starts += data[starts] == _SPACE  # what most writers put after a colon
    return _Block(first, data, ends, escapes, places[colon - 2], places[colon - 1] + 1, starts, ends_of)


def _marks(data: Bytes, escapes: Places) -> tuple[Places, Bytes]:
    """Where quotes are, and all marks of structure outside of strings; and the marks."""
    folded = data | _BRACE
    mask = data == _QUOTE
    mask[_after_odd_runs(escapes)] = False
    mask |= data == _COMMA
    mask |= data == _COLON
    mask |= folded == _OPEN
    mask |= folded == _CLOSE
    places = np.flatnonzero(mask)
    marks = data[places]
    quotes = marks == _QUOTE
    keep = quotes | ~np.logical_xor.accumulate(quotes)
    return places[keep], marks[keep]


def _after_odd_runs(escapes: Places) -> Places:
    """The places after an odd number of backslashes: what stands there is escaped."""
    if not len(escapes):
        return escapes
    breaks = np.flatnonzero(np.diff(escapes) != 1)
    starts = escapes[np.append(0, breaks + 1)]
    stops: Places = escapes[np.append(breaks, len(escapes) - 1)] + 1
    odd: Mask = (stops - starts) % 2 == 1
    return stops[odd]


def _depth(marks: Bytes) -> npt.NDArray[np.int32]:
    """How many objects and arrays are open after each mark; texts are balanced, so it starts anew with each."""
    folded = marks | _BRACE
    steps = (folded == _OPEN).view(np.int8) - (folded == _CLOSE).view(np.int8)
    return np.cumsum(steps, dtype=np.int32)


def _block_members(block: _Block, rows: Places) -> Members:
    every = slice(None)
    row = rows[block.rows(every)]
    spelled = block.keys(every).dictionary_encode()
    names = decode(spelled.dictionary).dictionary_encode()  # spellings of one name become one
    codes = names.indices.to_numpy()[spelled.indices.to_numpy()]
    last = _last_of_each(row * len(names.dictionary) + codes)
    key = pa.DictionaryArray.from_arrays(pa.array(codes[last]), names.dictionary)
    return Members(pa.array(row[last]), key, block.values(every if isinstance(last, slice) else last))


def _last_of_each(values: Places) -> Places | slice:
    """Where each value stands last, in order; all of it when nothing stands twice."""
    seen = pa.array(values).dictionary_encode()
    if len(seen.dictionary) == len(values):
        return slice(None)
    last = np.empty(len(seen.dictionary), dtype=np.int64)
    last[seen.indices.to_numpy()] = np.arange(len(values))  # of several assignments the last one stays
    return np.sort(last)


def _slices(data: Bytes, starts: Places, stops: Places) -> pa.Array:
    """Texts between places in rising order: every second piece of the data cut at all of them."""
    if not len(starts):
        return pa.array([], pa.string())
    cuts = np.column_stack((starts, stops)).astype(np.int32).ravel()
    pieces = pa.StringArray.from_buffers(len(cuts) - 1, pa.py_buffer(cuts), pa.py_buffer(data))
    return pieces.take(pa.array(np.arange(0, len(pieces), 2)))


def _column(parts: list[tuple[Places, pa.Array]], rows: int) -> pa.Array:
    """Values put to their rows, the last one where there are several."""
    if not parts:
        return pa.nulls(rows, pa.string())
    places = np.full(rows, -1)
    found = np.concatenate([row for row, _ in parts])
    places[found] = np.arange(len(found))
    return pa.concat_arrays([values for _, values in parts]).take(pa.array(places, mask=places < 0))


def _unescaped(strings: list[str]) -> pa.Array:
    said: list[str] = json.loads(f"[{','.join(strings)}]", strict=False)
    try:
        return pa.array(said, pa.string())
    except UnicodeEncodeError:
        return pa.array([text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in said])


def _numpy(column: Any) -> Mask:
    mask: Mask = column.to_numpy(zero_copy_only=False)
    return mask
