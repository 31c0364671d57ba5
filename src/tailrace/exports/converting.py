"""Converting: canonical columns become those that a dialect shows. What is of the session is made once per fragment."""

import re
from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from xxhash import xxh3_64_intdigest

from tailrace.columns.flat import flattened
from tailrace.columns.jsontext import extract_all
from tailrace.columns.objects import only_objects, texts_of, with_entry
from tailrace.exports import cells
from tailrace.formats.text import array_of, by_value, floats, join
from tailrace.model.fields import FIELDS
from tailrace.model.rows import Column, Conversion, RowShape
from tailrace.store.batches import EventBatch

Arrays = list[pa.Array]

_BITS = (1 << 53) - 1  # of a hash: what every client can hold as a number


def converted(batch: EventBatch, shape: RowShape) -> EventBatch:
    """Events and fragments with the columns of a shape, under its names."""
    session = [column for column in shape.columns if column.grain == "session"]
    event = [column for column in shape.columns if column.grain == "event"]
    return EventBatch(_table(batch, session), batch.parent, _table(batch, event))


def cut_decimals(numbers: pa.Array, decimals: int) -> pa.Array:
    """Floats without the decimals that are too many: those that stay are as they are written, none is rounded."""
    scale = 10.0**decimals
    sizes = np.abs(pc.fill_null(numbers, 0.0).to_numpy(zero_copy_only=False))
    whole = np.trunc(sizes * scale)
    whole += (whole + 1) / scale <= sizes  # the product may have come out below a whole number that is there
    whole -= whole / scale > sizes  # or above
    signs = np.copysign(1.0, pc.fill_null(numbers, 0.0).to_numpy(zero_copy_only=False))
    return pa.array(signs * whole / scale, pa.float64(), mask=pc.is_null(numbers).to_numpy(zero_copy_only=False))


def convert(column: Column, sources: Arrays) -> pa.Array:
    """A column made of the columns of its sources, which have a value for each of its rows."""
    return _CONVERSIONS[column.conversion](column, sources)


def _table(batch: EventBatch, columns: list[Column]) -> pa.Table:
    found = _members(batch, columns)
    arrays = [_converted(batch, column, found.get(column.name) or _sources(batch, column)) for column in columns]
    return pa.Table.from_arrays(arrays, names=[column.name for column in columns])


def _members(batch: EventBatch, columns: list[Column]) -> dict[str, Arrays]:
    """What columns that are made of members are made of, by name: each object is looked at once."""
    by_object: dict[str, list[Column]] = {}
    for column in columns:
        if column.of_member:
            by_object.setdefault(column.sources[0], []).append(column)
    found: dict[str, Arrays] = {}
    for source, members in by_object.items():
        raw = extract_all(_source(batch, members[0], source), [column.key for column in members])
        found |= {column.name: [texts] for column, texts in zip(members, raw, strict=True)}
    return found


def _converted(batch: EventBatch, column: Column, sources: Arrays) -> pa.Array:
    values = convert(column, sources)
    if column.kinds:
        kinds = pc.is_in(array_of(batch.events, FIELDS["kind"]), value_set=pa.array(column.kinds))
        values = pc.if_else(pc.invert(kinds) if column.but else kinds, values, pa.scalar(None, values.type))
    return values if column.missing is None else pc.fill_null(values, column.missing)


def _sources(batch: EventBatch, column: Column) -> Arrays:
    """The columns that it is made of, each of its grain."""
    return [_source(batch, column, name) for name in column.sources]


def _source(batch: EventBatch, column: Column, name: str) -> pa.Array:
    field = FIELDS[name]
    if field.grain == "event":
        return array_of(batch.events, field)
    values = array_of(batch.fragments, field)
    return values.take(batch.parent) if column.grain == "event" else values


def _first(_column: Column, sources: Arrays) -> pa.Array:
    return sources[0] if len(sources) == 1 else pc.coalesce(*sources)


def _hashed(_column: Column, sources: Arrays) -> pa.Array:
    """Numbers as they are; texts as numbers, which differ where texts do but for one chance in 2**53 per pair."""
    found = _number_of(sources[0])
    for source in sources[1:]:
        if found.null_count:
            found = pc.coalesce(found, _number_of(source))
    return found


def _number_of(values: pa.Array) -> pa.Array:
    if not pa.types.is_string(values.type):
        return values
    coded = values.dictionary_encode()
    numbers = [xxh3_64_intdigest(text.encode()) & _BITS for text in coded.dictionary.to_pylist()]
    return pa.array(numbers, pa.int64()).take(coded.indices)


def _word(column: Column, sources: Arrays) -> pa.Array:
    """A word for what the sources say, looked for once for all rows that say the same."""
    said = join(*(part for source in sources for part in (pc.fill_null(source, ""), "\n")))
    patterns = _patterns(column.patterns)

    def word(text: object) -> str:
        found = (word for pattern, word in patterns if pattern.search(str(text)))
        return next(found, str(column.missing))

    return by_value(said, word)


@cache
def _patterns(patterns: tuple[tuple[str, str], ...]) -> list[tuple[re.Pattern[str], str]]:
    return [(re.compile(pattern, re.IGNORECASE | re.MULTILINE), word) for pattern, word in patterns]


def _pair(column: Column, sources: Arrays) -> pa.Array:
    first, second = (floats(cut_decimals(source, column.decimals)) for source in sources)
    return join(first, ",", second)


def _nonzero(_column: Column, sources: Arrays) -> pa.Array:
    return pc.if_else(pc.equal(sources[0], 0), pa.scalar(None, sources[0].type), sources[0])


def _beside(_column: Column, sources: Arrays) -> pa.Array:
    empty = pc.if_else(pc.is_valid(sources[1]), pa.scalar(""), pa.scalar(None, pa.string()))
    return pc.coalesce(sources[0], empty)


_CONVERSIONS: Mapping[Conversion, Callable[[Column, Arrays], pa.Array]] = {
    "first": _first,
    "ms": _first,  # stored instants are numbers of milliseconds
    "cut": lambda column, sources: cut_decimals(_first(column, sources), column.decimals),
    "texts": lambda _, sources: texts_of(sources[0]),
    "seconds": lambda column, sources: cells.seconds(_first(column, sources)),
    "span": lambda column, sources: cells.span(_first(column, sources)),
    "flag": lambda column, sources: cells.flag(_first(column, sources)),
    "words": lambda column, sources: cells.words(_first(column, sources), column.words),
    "equal": lambda column, sources: cells.equal(sources[0], column.key),
    "masked": lambda column, sources: cells.masked(_first(column, sources)),
    "member": _first,
    "amounts": lambda _, sources: cells.amounts(only_objects(sources[0])),
    "instant": lambda _, sources: cells.instants(sources[0]),
    "list": lambda _, sources: cells.lists(sources[0]),
    "entry": lambda column, sources: with_entry(sources[0], column.key, sources[1]),
    "whole": lambda column, sources: cells.whole(_first(column, sources)),
    "digits": lambda column, sources: cells.digits(_first(column, sources)),
    "opposite": lambda column, sources: pc.invert(pc.fill_null(_first(column, sources), False)),
    "zero": lambda column, sources: pc.fill_null(_first(column, sources), 0.0),
    "hash": _hashed,
    "word": _word,
    "pair": _pair,
    "nonzero": _nonzero,
    "beside": _beside,
    "flat": lambda column, sources: flattened(sources[0], column.key),
}
