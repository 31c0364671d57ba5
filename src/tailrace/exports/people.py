"""People: the users of an export as their profiles know them, where a request says itself what a row of users is.

What a profile does not know is what the user's newest session in the export says.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tailrace.columns.jsontext import extract, extract_all
from tailrace.columns.objects import only_objects
from tailrace.exports.cells import instants
from tailrace.exports.converting import converted
from tailrace.formats.values import plain
from tailrace.model.fields import FIELDS, Field
from tailrace.model.people import LAST_SESSION, Person
from tailrace.model.rows import RowShape
from tailrace.store.batches import EventBatch, Ints

PROFILE = "profile"
People = Callable[[int, int], Sequence[Person]]  # those of a range of users' numbers, both ends included, by number

_TYPES = {"text": pa.string(), "json": pa.string(), "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}


def no_people(_first: int, _last: int) -> Sequence[Person]:
    """Nobody is known."""
    return ()


def as_people(table: pa.Table, shape: RowShape, people: People) -> pa.Table:
    """Users, a row each in order of their number, with the columns of a shape."""
    numbers = table["user_number"].to_numpy()
    known = people(int(numbers[0]), int(numbers[-1]))
    texts = _by_number(numbers, known, [person.text for person in known])
    columns = {name: table[name].combine_chunks() for name in table.column_names}
    for name, value in _told(texts, list(columns)).items():
        columns[name] = pc.coalesce(value, columns[name])
    if "session_user_id" in columns:
        ids = _by_number(numbers, known, [person.user_id for person in known])
        columns["session_user_id"] = pc.coalesce(ids, columns["session_user_id"])
    whole = pa.table(columns | {PROFILE: texts})
    return converted(EventBatch(whole, pa.array([], pa.int64()), pa.table({})), shape).fragments


def _by_number(numbers: Ints, known: Sequence[Person], values: Sequence[str | None]) -> pa.Array:
    """What is known of each user; null where nothing is."""
    places = np.searchsorted(np.array([person.number for person in known], np.int64), numbers)
    there = places < len(known)
    there[there] = np.array([known[place].number for place in places[there]], np.int64) == numbers[there]
    return pa.array(values, pa.string()).take(pa.array(places, mask=~there))


def _told(texts: pa.Array, names: Sequence[str]) -> dict[str, pa.Array]:
    """What profiles say of fields of sessions."""
    session = only_objects(extract(texts, LAST_SESSION))
    fields = [FIELDS[name] for name in names if name in FIELDS and FIELDS[name].source.startswith("session.")]
    raw = extract_all(session, [field.name for field in fields])
    told = {field.name: _typed(values, field) for field, values in zip(fields, raw, strict=True)}
    if "registered_at" in names:
        told["registered_at"] = instants(extract(texts, "registered_at"))
    return told


def _typed(raw: pa.Array, field: Field) -> pa.Array:
    values = raw if field.kind == "json" else plain(raw)
    return pc.cast(values, _TYPES[field.kind])
