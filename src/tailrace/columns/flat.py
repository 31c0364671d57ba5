"""Columns of JSON objects as texts, flattened: each value is a member of its own, named by its path and its type.

No Python loop per row: each level of all objects is taken apart at once.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tailrace.columns.jsontext import members
from tailrace.columns.objects import as_json, joined

Ints = npt.NDArray[np.int64]

DEEPEST = 8  # levels; an object below them is the text of its JSON
_TEXT, _TRUTH, _NUMBER = "_str", "_bool", "_real"


class Leaves(NamedTuple):
    """Values that are not taken apart: `row`, `name` as text, `value` raw JSON."""

    row: Ints
    name: pa.Array
    value: pa.Array


def flattened(objects: pa.Array, prefix: str) -> pa.Array:
    """The members of each object as the text of JSON members, without braces; null where there is none.

    A value stands under `prefix`, its path with dots, and a suffix: ``_str`` for texts, ``_real`` for numbers,
    ``_bool`` for true and false. An array is the text of its JSON; null is left out. Of two with one name the last
    stays.
    """
    levels = _levels(objects)
    row, name, value = (
        np.concatenate([level.row for level in levels]),
        pa.concat_arrays([level.name for level in levels]),
        pa.concat_arrays([level.value for level in levels]),
    )
    there = np.flatnonzero(pc.not_equal(value, "null").to_numpy(zero_copy_only=False))
    order = there[np.argsort(row[there], kind="stable")]
    row, name, value = row[order], name.take(pa.array(order)), value.take(pa.array(order))
    names = _labels(prefix, name, value)
    if len(levels) > 1:
        last = _last_of_each(row * max(len(names.dictionary), 1) + names.indices.to_numpy())
        row, names, value = row[last], names.take(pa.array(last)), value.take(pa.array(last))
    labels = as_json(names.dictionary).take(names.indices)
    cells = pc.binary_join_element_wise(labels, _shown(value), ":")
    text = joined(cells, row, len(objects), ",")
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _levels(objects: pa.Array) -> list[Leaves]:
    """The values of each level; objects among them are the next one, unless they lie too deep."""
    found = members(objects)
    level = Leaves(_ints(found.row), _keys(found.key), found.value)
    levels: list[Leaves] = []
    while True:
        nested = pc.starts_with(level.value, "{").to_numpy(zero_copy_only=False)
        if not nested.any() or len(levels) == DEEPEST - 1:
            return [*levels, level]
        levels.append(_picked(level, ~nested))
        level = _below(_picked(level, nested))


def _below(holders: Leaves) -> Leaves:
    """The members of objects that are values themselves."""
    found = members(holders.value)
    at = _ints(found.row)
    names = pc.binary_join_element_wise(holders.name.take(pa.array(at)), _keys(found.key), ".")
    return Leaves(holders.row[at], names, found.value)


def _picked(level: Leaves, mask: npt.NDArray[np.bool_]) -> Leaves:
    return Leaves(level.row[mask], level.name.filter(pa.array(mask)), level.value.filter(pa.array(mask)))


def _labels(prefix: str, name: pa.Array, value: pa.Array) -> pa.DictionaryArray:
    """The names under which values are shown; their type is told by the first sign of their JSON."""
    first = pc.binary_slice(value.cast(pa.binary()), 0, 1).cast(pa.string())
    truths = pc.is_in(first, value_set=pa.array(["t", "f"]))
    texts = pc.is_in(first, value_set=pa.array(['"', "[", "{"]))
    suffix = pc.if_else(texts, _TEXT, pc.if_else(truths, _TRUTH, _NUMBER))
    return pc.binary_join_element_wise(prefix, name, suffix, "").dictionary_encode()


def _shown(value: pa.Array) -> pa.Array:
    """Arrays, and objects that lie too deep, as JSON strings; all else as it is."""
    mask = pc.match_substring_regex(value, "^[\\[{]")
    if not pc.any(mask).as_py():
        return value
    return pc.replace_with_mask(value, mask, as_json(value.filter(mask)))


def _last_of_each(keys: Ints) -> Ints:
    """Where each key stands last, in order."""
    _, places = np.unique(keys[::-1], return_index=True)
    last: Ints = np.sort(len(keys) - 1 - places)
    return last


def _keys(keys: pa.DictionaryArray) -> pa.Array:
    return keys.dictionary.cast(pa.string()).take(keys.indices)


def _ints(column: pa.Array) -> Ints:
    numbers: Ints = column.to_numpy(zero_copy_only=False).astype(np.int64)
    return numbers
