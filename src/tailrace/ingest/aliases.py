"""Aliases: records that say that two ids are one user."""

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tailrace.model.access import Scope
from tailrace.model.hashing import actor_hash
from tailrace.store.joins import Pair

KIND = "alias"


class _Alias(msgspec.Struct):
    previous_id: Any = None


_decode = msgspec.json.Decoder(_Alias).decode


def alias_pairs(scope: Scope, records: pa.Table, rows: npt.NDArray[np.int64]) -> list[Pair]:
    """Which actors to join, in the order of `rows`: that of an alias with those of its user id and its earlier id."""
    which = rows[pc.fill_null(pc.equal(records["kind"], KIND), fill_value=False).to_numpy()[rows]]
    columns = records.select(["actor_hash", "user_id", "params"]).take(pa.array(which)).columns
    pairs = (
        (actor, other)
        for actor, *said in zip(*(column.to_pylist() for column in columns), strict=True)
        for other in _others(scope, *said)
        if other != actor
    )
    return list(dict.fromkeys(pairs))


def _others(scope: Scope, user_id: str | None, params: str | None) -> Iterator[bytes]:
    previous = _previous(params)
    if previous:
        yield actor_hash(scope.app_id, previous)
        if user_id:
            yield actor_hash(scope.app_id, user_id)


def _previous(params: str | None) -> str:
    """The earlier id: a text, or a whole number as its digits; empty where there is none."""
    value = _decode(params).previous_id if params else None
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
