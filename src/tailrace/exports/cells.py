"""Cells: what columns of a dialect make of values. Members are JSON texts, as they were sent."""

from collections.abc import Callable, Sequence
from ipaddress import ip_address, ip_network
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tailrace.columns.jsontext import members
from tailrace.columns.objects import joined
from tailrace.formats.text import floats
from tailrace.formats.values import plain
from tailrace.model.clock import parse_iso

_MASKED = {4: 24, 6: 64}  # bits that stay: all but the last part of IPv4, the network of IPv6
_NOTHING = pa.scalar(None, pa.string())


def seconds(instants: pa.Array) -> pa.Array:
    """Milliseconds as the whole second that they are in."""
    missing = pc.is_null(instants).to_numpy(zero_copy_only=False)
    return pa.array(pc.fill_null(instants, 0).to_numpy() // 1000, pa.int64(), mask=missing)


def span(lengths: pa.Array) -> pa.Array:
    """Milliseconds as the text of as many seconds: a whole number where they are."""
    parts = floats(pc.divide(pc.cast(lengths, pa.float64()), 1000.0))
    return pc.if_else(pc.ends_with(parts, ".0"), pc.utf8_slice_codeunits(parts, 0, -2), parts)


def flag(values: pa.Array) -> pa.Array:
    """1 for true; 0 for false, and for what nobody said."""
    true = pc.equal(values, "true") if pa.types.is_string(values.type) else values
    return pc.cast(pc.fill_null(true, False), pa.int64())


def words(values: pa.Array, of: Sequence[str]) -> pa.Array:
    """The first word for false, the second for all else."""
    return pc.if_else(pc.fill_null(pc.equal(values, "false"), False), of[0], of[1])


def equal(texts: pa.Array, to: str) -> pa.Array:
    """1 for that text, nothing for all others."""
    return pc.if_else(pc.equal(texts, to), pa.scalar(1, pa.int64()), pa.scalar(None, pa.int64()))


def masked(addresses: pa.Array) -> pa.Array:
    """Addresses whose last part is hidden; what is no address is not shown."""
    return _each(addresses, _masked, pa.string())


def amounts(objects: pa.Array) -> pa.Array:
    """Objects as lists of their names and values, such as ``Coins: 90, Gold: 10``; nothing for an empty one."""
    found = members(objects)
    names = found.key.dictionary.cast(pa.string()).take(found.key.indices)
    there = pc.not_equal(found.value, "null")
    listed = pc.binary_join_element_wise(names, plain(found.value), ": ").filter(there)
    texts = joined(listed, found.row.filter(there).to_numpy().astype(np.int64), len(objects), ", ")
    return pc.if_else(pc.equal(texts, ""), _NOTHING, texts)


def instants(raw: pa.Array) -> pa.Array:
    """ISO 8601 texts as milliseconds since 1970; nothing for what is none."""
    return _each(raw, _instant, pa.int64())


def lists(raw: pa.Array) -> pa.Array:
    """Arrays of texts with commas between them; nothing for an empty one."""
    return _each(raw, _list, pa.string())


def _each(values: pa.Array, make: Callable[[Any], Any], kind: pa.DataType) -> pa.Array:
    """Each distinct value once."""
    coded = values.dictionary_encode()
    made = pa.array([make(value) for value in coded.dictionary.to_pylist()], kind)
    return made.take(coded.indices)


def _masked(text: str) -> str | None:
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    return str(ip_network((address, _MASKED[address.version]), strict=False).network_address)


def _instant(raw: str) -> int | None:
    try:
        return parse_iso(msgspec.json.decode(raw, type=str))
    except (msgspec.DecodeError, ValueError):
        return None


def _list(raw: str) -> str | None:
    try:
        return ",".join(msgspec.json.decode(raw, type=list[str])) or None
    except msgspec.DecodeError:
        return None
