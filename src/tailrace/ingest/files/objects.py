"""Objects: parameters, session and profile as JSON texts made from columns."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from tailrace.ingest.context import ProfileInput, SessionInput, profile_text, session_text
from tailrace.ingest.files.faults import Faults
from tailrace.ingest.files.mapping import Path, Source, Type
from tailrace.ingest.files.scalars import json_texts, to_json
from tailrace.ingest.files.values import Values

_encoder = msgspec.json.Encoder()
_Members = Mapping[str, Source]
_TYPES: dict[object, Type] = {str | None: "text", bool | None: "bool", bool: "bool", int | None: "int"}
_NUMBERS = ("latitude", "longitude")


def _types(kind: type[msgspec.Struct]) -> dict[str, Type]:
    """How each key of a session or a profile is written in JSON."""
    return {f.name: "float" if f.name in _NUMBERS else _TYPES.get(f.type, "json") for f in msgspec.structs.fields(kind)}


_SESSION_TYPES = _types(SessionInput)
_PROFILE_TYPES = _types(ProfileInput)


def object_paths(base: Source | None, members: _Members) -> list[tuple[str | None, Path]]:
    """What `Values` must look up for a column of objects: the base itself, and members that it may hold already."""
    if base is None:
        return []
    path = base.path or ()
    return [(base.column, path), *((base.column, (*path, name)) for name in members)]


def params_column(values: Values, base: Source | None, sources: _Members) -> pa.Array:
    """Parameter objects. A parameter that the object has already is a fault: neither of the two may be lost."""
    members = {name: values.json(source) for name, source in sources.items()}
    if base is not None:
        for name, texts in members.items():
            held = values.raws(base.column, (*(base.path or ()), name))
            both = pc.and_(pa.array(list(map(bool, held)), pa.bool_()), pc.is_valid(texts))
            values.faults.add_where(both, f"params.{name}: the object has this parameter already; name it otherwise")
    return _joined(_base(values, base), members, values.rows)


def session_column(values: Values, base: Source | None, sources: _Members) -> tuple[pa.Array, pa.Array]:
    """Session objects in their one spelling, and whether they say that the session has ended."""
    which, read = _each_distinct(values, base, sources, _SESSION_TYPES, session_text, "session")
    texts = pa.array([None if found is None else found[0] for found in read], pa.string())
    ended = pa.array([found is not None and found[1] for found in read], pa.bool_())
    return texts.take(which), pc.fill_null(ended.take(which), False)


def profile_column(values: Values, base: Source | None, sources: _Members) -> pa.Array:
    """Profile objects in their one spelling."""
    which, read = _each_distinct(values, base, sources, _PROFILE_TYPES, profile_text, "profile")
    return pa.array(read, pa.string()).take(which)


def _each_distinct(
    values: Values,
    base: Source | None,
    sources: _Members,
    types: Mapping[str, Type],
    read: Callable[[bytes], Any],
    where: str,
) -> tuple[pa.Array, list[Any]]:
    """For each row which distinct object it has (null for none), and what reading each of these gives."""
    members = {k: to_json(values.plain(s), types[k], values.faults, s.where) for k, s in sources.items()}
    objects = _joined(_base(values, base), members, values.rows).dictionary_encode()
    found: list[Any] = []
    for number, text in enumerate(objects.dictionary.to_pylist()):
        try:
            found.append(read(text.encode()))
        except ValueError as error:
            found.append(None)
            _blame(values.faults, objects.indices, number, f"{where}: {error}")
    return objects.indices, found


def _blame(faults: Faults, which: pa.Array, number: int, reason: str) -> None:
    faults.add_where(pc.equal(which, number), reason)


def _base(values: Values, base: Source | None) -> pa.Array | None:
    if base is None:
        return None
    texts = json_texts(values.raws(base.column, base.path or ()))
    wrong = pc.fill_null(pc.invert(pc.starts_with(texts, "{")), False)
    if pc.any(wrong).as_py():
        values.faults.add_where(wrong, f"{base.where}: must be a JSON object")
        texts = pc.if_else(wrong, None, texts)
    return texts


def _joined(base: pa.Array | None, members: Mapping[str, pa.Array], rows: int) -> pa.Array:
    """Objects with members (columns of JSON text; null is absent) after those of the base; null where there is none."""
    if not members:
        return pa.nulls(rows, pa.string()) if base is None else base
    added = _members_text(members)
    if base is None:
        return pc.binary_join_element_wise("{", _without_comma(added), "}", "")
    inside = pc.utf8_slice_codeunits(base, 1, -1)
    empty = pc.fill_null(pc.equal(pc.ascii_trim_whitespace(inside), ""), True)
    both = pc.if_else(empty, _without_comma(added), pc.binary_join_element_wise(inside, added, ""))
    return pc.if_else(pc.is_null(added), base, pc.binary_join_element_wise("{", both, "}", ""))


def _members_text(members: Mapping[str, pa.Array]) -> pa.Array:
    """Members with a comma before each; null where there are none.

    Null handling "skip" would shorten the column by every row that has no value at all.
    """
    named = [
        pc.binary_join_element_wise("," + _encoder.encode(name).decode() + ":", texts, "")
        for name, texts in members.items()
    ]
    text = pc.binary_join_element_wise(*named, "", null_handling="replace", null_replacement="")
    return pc.if_else(pc.equal(text, ""), None, text)


def _without_comma(text: pa.Array) -> pa.Array:
    return pc.utf8_slice_codeunits(text, 1)
