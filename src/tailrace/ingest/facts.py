"""Facts: what standard events say of their user beside the profile that is sent: level, flags, device, acquisition.

So a user is known as of now, whichever events are asked for. Apps that send no standard events pay nothing for it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tailrace.columns.jsontext import extract
from tailrace.ingest.merging import json_value
from tailrace.model.fields import FIELDS, SESSION_INPUTS
from tailrace.model.people import LAST_SESSION
from tailrace.model.standard import STANDARD_KIND

Fact = dict[str, Any] | None
Mask = npt.NDArray[np.bool_]

# Fields of sessions that tell of the user, not of the visit.
_SESSION = tuple(
    field.name
    for field in SESSION_INPUTS
    if field.name.startswith(("device_", "source_", "os_", "timezone"))
    or field.name
    in ("app_version", "locale", "country", "platform", "screen_resolution", "user_agent", "install_source")
)
_STATES = ("level", "is_tester", "is_cheater", "is_paying")
_PAYMENTS = ("Payment", "Subscription")


def facts_of(fragments: pa.Table) -> Sequence[Fact]:
    """What each fragment of a table says; None for those without standard events."""
    nested = fragments["events"].combine_chunks()
    events = pc.list_flatten(nested)
    standard = _true(pc.equal(events.field("kind"), STANDARD_KIND))
    found: list[Fact] = [None] * fragments.num_rows
    if not standard.any():
        return found
    parents = np.repeat(np.arange(len(nested)), pc.list_value_length(nested).to_numpy())
    rows = np.unique(parents[standard])
    states = {name: _last(events.field(name), parents, fragments.num_rows) for name in _STATES}
    paid = np.zeros(fragments.num_rows, dtype=np.bool_)
    paid[parents[standard & _payments(events)]] = True
    sessions = fragments.select(_SESSION).take(pa.array(rows)).to_pylist()
    for row, session in zip(rows.tolist(), sessions, strict=True):
        said = {name: values[row] for name, values in states.items() if values[row] is not None}
        said |= {"is_paying": True} if paid[row] else {}
        about = {name: _value(name, value) for name, value in session.items() if value is not None}
        found[row] = said | ({LAST_SESSION: about} if about else {})
    return found


def _last(values: pa.Array, parents: npt.NDArray[np.int64], count: int) -> list[Any]:
    """The last value of each fragment; its events are in order of time."""
    there = np.flatnonzero(values.is_valid().to_numpy(zero_copy_only=False))
    place = np.full(count, -1, dtype=np.int64)
    place[parents[there]] = there  # of several assignments the last one stays
    known: list[Any] = values.take(pa.array(place, mask=place < 0)).to_pylist()
    return known


def _payments(events: pa.StructArray) -> Mask:
    """Which events brought money: no refunds, no receipts that failed their check."""
    brought = _true(pc.greater(pc.coalesce(events.field("amount_usd"), events.field("amount")), 0.0))
    named = _true(pc.is_in(events.field("event"), pa.array(_PAYMENTS)))
    payments = named & brought
    if payments.any():
        params = events.field("params").filter(pa.array(payments))
        payments[payments] = ~_true(pc.equal(extract(params, "valid"), "false"))
    return payments


def _value(name: str, value: Any) -> Any:
    return json_value(value) if FIELDS[name].kind == "json" else value


def _true(mask: pa.Array) -> Mask:
    return np.array(pc.fill_null(mask, False).to_numpy(zero_copy_only=False))
