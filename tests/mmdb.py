"""A small database in the format MaxMind DB, written for tests: addresses to records."""

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any, NamedTuple

_SEPARATOR = bytes(16)
_MARKER = b"\xab\xcd\xefMaxMind.com"
_RECORD_BITS = 32
_UINT16, _UINT32, _UINT64 = 5, 6, 9  # kinds of numbers; readers insist on them
_Node = list[Any]  # two of: another node, the place of a record, or None


class _Number(NamedTuple):
    """A whole number and its kind."""

    value: int
    kind: int


def mmdb(records: Mapping[str, Mapping[str, Any]]) -> bytes:
    """A database that knows these networks, IPv4 and IPv6."""
    root: _Node = [None, None]
    data = b""
    for text, record in records.items():
        network = ip_network(text)
        bits = f"{int(network.network_address):0128b}"
        length = network.prefixlen + (96 if network.version == 4 else 0)
        node = root
        for bit in bits[: length - 1]:
            node[int(bit)] = node[int(bit)] or [None, None]
            node = node[int(bit)]
        node[int(bits[length - 1])] = len(data)
        data += _value(record)
    nodes = _numbered(root)
    tree = b"".join(_side(nodes, side) for node in nodes for side in node)
    return tree + _SEPARATOR + data + _MARKER + _value(_metadata(len(nodes)))


def _numbered(root: _Node) -> list[_Node]:
    nodes = [root]
    for node in nodes:
        nodes += [side for side in node if isinstance(side, list)]
    return nodes


def _side(nodes: list[_Node], side: Any) -> bytes:
    if isinstance(side, list):
        number = next(n for n, node in enumerate(nodes) if node is side)
    else:
        number = len(nodes) if side is None else len(nodes) + len(_SEPARATOR) + side
    return int(number).to_bytes(_RECORD_BITS // 8, "big")


def _metadata(nodes: int) -> dict[str, Any]:
    return {
        "binary_format_major_version": _Number(2, _UINT16),
        "binary_format_minor_version": _Number(0, _UINT16),
        "build_epoch": _Number(1_767_323_045, _UINT64),
        "database_type": "Test-City",
        "description": {"en": "A test"},
        "ip_version": _Number(6, _UINT16),
        "languages": ["en"],
        "node_count": _Number(nodes, _UINT32),
        "record_size": _Number(_RECORD_BITS, _UINT16),
    }


def _value(value: Any) -> bytes:
    """Maps, texts, lists and numbers: a control byte with kind and size, then the content."""
    if isinstance(value, str):
        return _control(2, len(value.encode())) + value.encode()
    if isinstance(value, _Number):
        content = value.value.to_bytes((value.value.bit_length() + 7) // 8, "big")
        return _control(value.kind, len(content)) + content
    if isinstance(value, list):
        return _control(11, len(value)) + b"".join(map(_value, value))
    members = [_value(name) + _value(member) for name, member in value.items()]
    return _control(7, len(members)) + b"".join(members)


def _control(kind: int, size: int) -> bytes:
    assert size < 29, "longer values need another form, which tests do not"
    return bytes([kind << 5 | size]) if kind < 8 else bytes([size, kind - 7])
