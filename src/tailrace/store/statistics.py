"""What is known of a segment without opening it; kept beside it in the catalogue."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import zstandard

from tailrace.model.segment import EventStatistics, Statistics

_JSON_TYPES = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    dict: "object",
    list: "array",
    type(None): "null",
}


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
        names=_names(events.field("event").to_pylist(), events.field("params").to_pylist()),
        versions=_distinct(fragments["app_version"]),
        currencies=_distinct(events.field("currency")),
    )


def _distinct(column: pa.Array | pa.ChunkedArray) -> tuple[str, ...]:
    return tuple(sorted(column.drop_null().unique().to_pylist()))


def pack_statistics(statistics: Statistics) -> bytes:
    """Statistics as bytes for the catalogue."""
    return zstandard.compress(msgspec.json.encode(statistics))


def unpack_statistics(data: bytes) -> Statistics:
    """What `pack_statistics` packed."""
    return msgspec.json.decode(zstandard.decompress(data), type=Statistics)


def _names(names: Sequence[str], params: Sequence[str | None]) -> dict[str, EventStatistics]:
    """Per event name its count, and per parameter the JSON types it occurred with."""
    counts = Counter(names)
    decoded = _decode(params)
    seen: Counter[tuple[str, str, type]] = Counter()
    for name, values in zip(names, decoded, strict=True):
        seen.update(zip(repeat(name), values, map(type, values.values())))
    return {name: EventStatistics(count, {}) for name, count in sorted(counts.items())} | _params(counts, seen.items())


def _decode(params: Sequence[str | None]) -> list[dict[str, Any]]:
    """The objects, or only their top level when one holds what cannot be read: a seal never stops at a record."""
    texts = "[" + ",".join(text or "{}" for text in params) + "]"
    try:
        decoded: list[dict[str, Any]] = msgspec.json.decode(texts)
    except (msgspec.DecodeError, RecursionError):
        decoded = [_top_level(text or "{}") for text in params]
    return decoded


def _top_level(text: str) -> dict[str, Any]:
    """Keys with samples of their types; none when even these cannot be read: the stack may be deeper than at accept."""
    try:
        values = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        return {}
    return {key: _sample(bytes(raw)) for key, raw in values.items()}


def _sample(raw: bytes) -> object:
    """Some value of the type of a JSON text, from its first letter."""
    if raw[:1] in b"-0123456789":
        return 0.0 if any(sign in raw for sign in b".eE") else 0
    return {b'"': "", b"{": {}, b"[": [], b"t": True, b"f": False, b"n": None}[raw[:1]]


def _params(counts: Counter[str], seen: Iterable[tuple[tuple[str, str, type], int]]) -> dict[str, EventStatistics]:
    found: dict[str, EventStatistics] = {}
    for (name, key, kind), count in sorted(seen, key=lambda item: (item[0][0], item[0][1], item[0][2].__name__)):
        event = found.setdefault(name, EventStatistics(counts[name], {}))
        event.params.setdefault(key, {})[_JSON_TYPES[kind]] = count
    return found
