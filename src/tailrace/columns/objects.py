"""Columns of JSON objects as texts, changed: values as texts, one entry more. No parser, no Python loop per row."""

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tailrace.columns.jsontext import extract, members

EMPTY = "{}"
# What stands before a value that is neither a string nor null, outside of strings and inside of one: both are changed
# the slow way, so that a false alarm costs time only.
_OTHER = r':\s*[^"n\s]'


def texts_of(objects: pa.Array) -> pa.Array:
    """Objects whose values are texts: what is no string is the text of its JSON, null stays null.

    Objects that have no other values stay as they were sent; of the others the members are written anew, without the
    spaces between them. Rows without an object have an empty one.
    """
    filled = pc.fill_null(objects, EMPTY)
    others = pc.match_substring_regex(filled, _OTHER)
    if not pc.any(others).as_py():
        return filled
    return pc.replace_with_mask(filled, others, _rewritten(filled.filter(others)))


def with_entry(objects: pa.Array, key: str, values: pa.Array) -> pa.Array:
    """Objects with one more entry, first, where there is a value and the object has no entry of that name."""
    filled = pc.fill_null(objects, EMPTY)
    wanted = pc.and_(pc.is_valid(values), pc.invert(pc.is_valid(extract(filled, key))))
    if not pc.any(wanted).as_py():
        return filled
    before = filled.filter(wanted)
    rest = pc.utf8_ltrim(pc.utf8_slice_codeunits(before, 1), " \t\r\n")
    separator = pc.if_else(pc.equal(rest, "}"), "", ",")
    named = msgspec.json.encode(key).decode()
    entry = pc.binary_join_element_wise("{" + named + ":", as_json(values.filter(wanted)), separator, rest, "")
    return pc.replace_with_mask(filled, wanted, entry)


def as_json(texts: pa.Array) -> pa.Array:
    """Texts as JSON strings; each distinct one is written once."""
    coded = texts.dictionary_encode()
    written = [None if text is None else msgspec.json.encode(text).decode() for text in coded.dictionary.to_pylist()]
    return pa.array(written, pa.string()).take(coded.indices)


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


def _as_texts(values: pa.Array) -> pa.Array:
    """JSON values as JSON strings of what they are; strings and null as they are."""
    plain = pc.match_substring_regex(values, "^([-0-9tf])")
    quoted = pc.binary_join_element_wise('"', values, '"', "")
    texts = pc.if_else(plain, quoted, values)
    nested = pc.match_substring_regex(values, "^[\\[{]")
    return pc.replace_with_mask(texts, nested, as_json(values.filter(nested)))
