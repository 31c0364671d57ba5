"""What is known of a segment without opening it; kept beside it in the catalogue."""

from collections import Counter

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import zstandard

from tailrace.columns.jsontext import members
from tailrace.columns.objects import objects_in
from tailrace.columns.sizes import stretches
from tailrace.model.segment import EventStatistics, Outline, Statistics
from tailrace.model.standard import SPREAD

_decode = msgspec.json.Decoder(Statistics).decode
_outline = msgspec.json.Decoder(Outline).decode

# Parameters are looked at so many events and bytes at a time: apart, their members are many times as large.
_STRETCH_EVENTS = 16_384
_STRETCH_BYTES = 2 << 20

# JSON types, and `integer` for numbers that are whole and fit into 64 bits.
TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
_INTEGER, _NUMBER = TYPES.index("integer"), TYPES.index("number")
_SMALLEST, _LARGEST = -(1 << 63), (1 << 63) - 1
_LENGTHS_OF_INT64 = (19, 20)  # shorter texts fit, longer ones do not
_FIRST_BYTES = {"[": "array", "t": "boolean", "f": "boolean", "n": "null", "{": "object", '"': "string"}
# Digits and the minus are what is left.
_BY_FIRST_BYTE = np.array([TYPES.index(_FIRST_BYTES.get(chr(byte), "integer")) for byte in range(256)], np.int64)


def statistics_of(fragments: pa.Table) -> Statistics:
    """Statistics of a table in the shape of `SEGMENT_SCHEMA`."""
    events = pc.list_flatten(fragments["events"].combine_chunks())
    times = pc.min_max(events.field("time"))
    starts = pc.min_max(fragments["session_start"])
    return Statistics(
        events=len(events),
        fragments=fragments.num_rows,
        late_fragments=pc.sum(pc.greater(fragments["fragment"], 0)).as_py() or 0,
        min_time=times["min"].as_py(),
        max_time=times["max"].as_py(),
        min_start=starts["min"].as_py(),
        max_start=starts["max"].as_py(),
        names=_names(events.field("event"), events.field("params")),
        versions=_distinct(fragments["app_version"]),
        currencies=_distinct(events.field("currency")),
        by_version=_events_by(fragments, "app_version"),
        by_country=_events_by(fragments, "country"),
    )


def _distinct(column: pa.Array | pa.ChunkedArray) -> tuple[str, ...]:
    return tuple(sorted(column.drop_null().unique().to_pylist()))


def _events_by(fragments: pa.Table, column: str) -> dict[str, int]:
    """How many events fragments with each value of a column hold."""
    counted = pa.table({"value": fragments[column], "events": pc.list_value_length(fragments["events"])})
    sums = counted.drop_null().group_by("value").aggregate([("events", "sum")])
    return dict(sorted(zip(sums["value"].to_pylist(), sums["events_sum"].to_pylist(), strict=True)))


def pack_statistics(statistics: Statistics) -> bytes:
    """Statistics as bytes for the catalogue."""
    return zstandard.compress(msgspec.json.encode(statistics))


def unpack_statistics(data: bytes) -> Statistics:
    """What `pack_statistics` packed."""
    return _decode(zstandard.decompress(data))


def unpack_outline(data: bytes) -> Outline:
    """What `pack_statistics` packed, without the parameters of events."""
    return _outline(zstandard.decompress(data))


def _names(names: pa.Array, params: pa.Array) -> dict[str, EventStatistics]:
    """Per event name its count, and per parameter the JSON types it occurred with."""
    seen: Counter[tuple[str, str, str]] = Counter()
    sizes = pc.fill_null(pc.binary_length(params), 0).to_numpy().astype(np.int64)
    for start, stop in stretches(sizes, _STRETCH_EVENTS, _STRETCH_BYTES):
        seen.update(_seen(names.slice(start, stop - start), params.slice(start, stop - start)))
    counts = {item["values"]: item["counts"] for item in pc.value_counts(names).to_pylist()}
    found = {name: EventStatistics(count, {}, _amounts(name, names, params)) for name, count in sorted(counts.items())}
    for (name, key, kind), count in sorted(seen.items()):
        found[name].params.setdefault(key, {})[kind] = count
    return found


def _amounts(name: str, names: pa.Array, params: pa.Array) -> dict[str, tuple[str, ...]]:
    """The names in parameters that tables spread."""
    keys = SPREAD.get(name, ())
    texts = params.filter(pc.equal(names, name)) if keys else params
    seen = ((key, members(objects_in(texts, key)).key.unique()) for key in keys)
    return {key: tuple(sorted(found.to_pylist())) for key, found in seen if len(found)}


def _seen(names: pa.Array, params: pa.Array) -> dict[tuple[str, str, str], int]:
    """How often each (event name, parameter, JSON type) occurs."""
    found, coded = members(params), names.dictionary_encode()
    name_of, key_of = coded.dictionary.to_pylist(), found.key.dictionary.to_pylist()
    name = coded.indices.to_numpy().astype(np.int64)[found.row.to_numpy()]
    key = found.key.indices.to_numpy().astype(np.int64)
    codes, counts = np.unique((name * len(key_of) + key) * len(TYPES) + _types(found.value), return_counts=True)
    place = np.unravel_index(codes, (len(name_of), len(key_of), len(TYPES))) if len(codes) else ((), (), ())
    return {(name_of[n], key_of[k], TYPES[t]): int(count) for n, k, t, count in zip(*place, counts, strict=True)}


def _types(values: pa.Array) -> npt.NDArray[np.int64]:
    """The place in `TYPES` of each JSON text, by its first byte; of numbers, by what else is in them."""
    offsets = np.frombuffer(values.buffers()[1], np.int32)[values.offset : values.offset + len(values)]
    first = np.frombuffer(values.buffers()[2] or b"", np.uint8)[offsets]
    types = _BY_FIRST_BYTE[first]
    numbers = np.flatnonzero(types == _INTEGER)
    types[numbers[_not_integers(values.take(pa.array(numbers)))]] = _NUMBER
    return types


def _not_integers(numbers: pa.Array) -> npt.NDArray[np.bool_]:
    """Which numbers have a fraction or an exponent, or do not fit into 64 bits."""
    shortest, longest = _LENGTHS_OF_INT64
    lengths = pc.binary_length(numbers).to_numpy()
    found: npt.NDArray[np.bool_] = pc.match_substring_regex(numbers, "[.eE]").to_numpy(zero_copy_only=False) | (
        lengths > longest
    )
    for place in np.flatnonzero(~found & (lengths >= shortest)):
        found[place] = not _SMALLEST <= int(numbers[int(place)].as_py()) <= _LARGEST
    return found
