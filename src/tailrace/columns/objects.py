"""Columns of JSON objects as texts, changed: values as texts, one entry more. No parser, no Python loop per row."""

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tailrace.columns.jsontext import Values, extract, members, values

EMPTY = "{}"
_NEEDS_ESCAPES = r'["\\\x00-\x1f]'
_QUOTE, _NULL, _OPEN, _SPACE = ord('"'), ord("n"), ord("{"), ord(" ")  # `[` becomes a brace by its sixth bit


def texts_of(objects: pa.Array) -> pa.Array:
    """Objects whose values are texts: what is no string is the text of its JSON, null stays null.

    Numbers and the like get quotes around them where they stand. Objects that hold objects or arrays, or spaces around
    their values, are written anew. Rows without an object have an empty one.
    """
    filled = pc.fill_null(objects, EMPTY)
    difficult = np.zeros(len(filled), dtype=np.bool_)
    parts = [_quoted(block, difficult) for block in values(filled)]
    found = pa.concat_arrays(parts) if parts else filled
    if not difficult.any():
        return found
    mask = pa.array(difficult)
    return pc.replace_with_mask(found, mask, _rewritten(filled.filter(mask)))


def with_entry(objects: pa.Array, key: str, texts: pa.Array) -> pa.Array:
    """Objects with one more entry, first, where there is a value and the object has no entry of that name."""
    filled = pc.fill_null(objects, EMPTY)
    wanted = pc.and_(pc.is_valid(texts), pc.invert(pc.is_valid(extract(filled, key))))
    if not pc.any(wanted).as_py():
        return filled
    before = filled.filter(wanted)
    rest = pc.utf8_ltrim(pc.utf8_slice_codeunits(before, 1), " \t\r\n")
    separator = pc.if_else(pc.equal(rest, "}"), "", ",")
    named = msgspec.json.encode(key).decode()
    entry = pc.binary_join_element_wise("{" + named + ":", as_json(texts.filter(wanted)), separator, rest, "")
    return pc.replace_with_mask(filled, wanted, entry)


def objects_in(objects: pa.Array, key: str) -> pa.Array:
    """The members of that name that are objects; null for all others."""
    return only_objects(extract(objects, key))


def only_objects(raw: pa.Array) -> pa.Array:
    """JSON texts that are objects; null for all others."""
    return pc.if_else(pc.fill_null(pc.starts_with(raw, "{"), False), raw, pa.scalar(None, pa.string()))


def as_json(texts: pa.Array) -> pa.Array:
    """Texts as JSON strings; where some need escapes, each distinct one is written once."""
    if not pc.any(pc.match_substring_regex(texts, _NEEDS_ESCAPES)).as_py():
        return pc.binary_join_element_wise('"', texts, '"', "")
    coded = texts.dictionary_encode()
    written = [None if text is None else msgspec.json.encode(text).decode() for text in coded.dictionary.to_pylist()]
    return pa.array(written, pa.string()).take(coded.indices)


def _quoted(block: Values, difficult: npt.NDArray[np.bool_]) -> pa.Array:
    """The texts of a block with quotes around scalars; rows of which that does not make texts are marked."""
    first, last = block.data[block.starts], block.data[block.stops - 1]
    hard = (first <= _SPACE) | (last <= _SPACE) | (first | 0x20 == _OPEN)
    if hard.any():
        difficult[block.first + np.searchsorted(block.ends, block.starts[hard], side="right")] = True
    bare = (first != _QUOTE) & (first != _NULL) & ~hard
    places = np.column_stack((block.starts[bare], block.stops[bare])).ravel()
    data = np.insert(block.data, places, _QUOTE)
    ends = block.ends + np.searchsorted(places, block.ends)
    offsets = np.concatenate([[0], ends]).astype(np.int32)
    return pa.StringArray.from_buffers(len(ends), pa.py_buffer(offsets), pa.py_buffer(data))


def _rewritten(objects: pa.Array) -> pa.Array:
    found = members(objects)
    row = found.row.to_numpy().astype(np.int64)
    keys = as_json(found.key.dictionary.cast(pa.string())).take(found.key.indices)
    cells = pc.binary_join_element_wise(keys, _as_texts(found.value), ":")
    return pc.binary_join_element_wise("{", joined(cells, row, len(objects), ","), "}", "")


def joined(texts: pa.Array, row: npt.NDArray[np.int64], rows: int, separator: str) -> pa.Array:
    """The texts of each row in one; `row` is in order."""
    offsets = np.searchsorted(row, np.arange(rows + 1)).astype(np.int32)
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), texts), separator)


def _as_texts(raw: pa.Array) -> pa.Array:
    """JSON values as JSON strings of what they are; strings and null as they are."""
    plain = pc.match_substring_regex(raw, "^([-0-9tf])")
    quoted = pc.binary_join_element_wise('"', raw, '"', "")
    texts = pc.if_else(plain, quoted, raw)
    nested = pc.match_substring_regex(raw, "^[\\[{]")
    return pc.replace_with_mask(texts, nested, as_json(raw.filter(nested)))
