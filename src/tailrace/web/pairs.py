"""Pairs of names and texts, as query strings and forms carry them, read as documents."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct

from tailrace.model.errors import Invalid, misfit


def read_pairs(pairs: Iterable[tuple[str, str]], kind: type[msgspec.Struct], whole: str) -> Any:
    """Pairs as a document; a key that is a list may stand there several times. `whole` names all of them.

    Keys that a document neither knows nor forbids are passed over.

    Raises:
        Invalid: a key is unknown or there twice, or a value cannot be; it is named. No value is null.
    """
    keys = _keys(kind)
    found: dict[str, Any] = {}
    for name, text in pairs:
        if name not in keys.attributes and not kind.__struct_config__.forbid_unknown_fields:
            continue
        if name in keys.lists:
            found.setdefault(name, []).append(text)
        elif name in found:
            raise Invalid(name, "is given twice")
        else:
            found[name] = text
    try:
        read = msgspec.convert(found, kind, strict=False)
    except msgspec.ValidationError as error:
        raise misfit(str(error), whole) from None
    for name, attribute in keys.attributes.items():
        if name in found and getattr(read, attribute) is None:  # the decoder takes the text `null` for it
            raise Invalid(name, "cannot be null; leave it out")
    return read


class _Keys(Struct, frozen=True):
    """Keys of a document: those that are lists, and the attribute of each."""

    lists: frozenset[str]
    attributes: Mapping[str, str]


@cache
def _keys(kind: type[msgspec.Struct]) -> _Keys:
    """What a kind of document has; to look at its annotations takes longer than to read a query."""
    fields = msgspec.structs.fields(kind)
    lists = frozenset(field.encode_name for field in fields if "list[" in str(field.type))
    return _Keys(lists, {field.encode_name: field.name for field in fields})
