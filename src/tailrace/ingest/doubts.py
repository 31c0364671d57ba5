"""Doubts: what is odd about standard events that were taken all the same, so that their sender can mend it.

A parameter of the wrong type is no reason to lose an event: it is kept as it was sent. But no table of standard events
can show it, and nobody would look for it there.
"""

import heapq
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from itertools import islice
from typing import Any

import msgspec
from msgspec import Struct

from tailrace.ingest.draft import Draft, Rejected
from tailrace.ingest.rates import Rates, without_rate
from tailrace.model.clock import parse_iso
from tailrace.model.standard import STANDARD_EVENTS, STANDARD_KIND, ParamKind

MOST = 100  # of a batch: a sender that does something wrong does it each time

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Doubt(Struct, frozen=True):
    """A record that was taken, by its place in the batch, and what is odd about it."""

    place: int
    reason: str


def doubts(draft: Draft, rejected: Sequence[Rejected], rates: Rates, at: int) -> list[Doubt]:
    """The first doubts about a batch, in order of place; none about records that were rejected.

    `rates` are those that convert amounts, `at` is when the batch was received (ms).
    """
    dead = {one.place for one in rejected}
    names, params, kinds = draft.values("event"), draft.values("params"), draft.values("kind")
    odd = (
        Doubt(draft.places[row], reason)
        for row, kind in enumerate(kinds if STANDARD_KIND in kinds else ())
        if kind == STANDARD_KIND
        if draft.places[row] not in dead
        for reason in _reasons(names[row], params[row])
    )
    priceless = (
        Doubt(draft.places[row], f"currency: no exchange rate of {currency[:80]!r} is known; there is no amount_usd")
        for row, currency in without_rate(draft.columns, rates, at)
        if draft.places[row] not in dead
    )
    return list(islice(heapq.merge(odd, priceless, key=lambda one: one.place), MOST))


def _reasons(name: str, params: str | None) -> list[str]:
    if name not in STANDARD_EVENTS:
        return [_unknown(name[:80])]
    given = {} if params is None else _decode(params)
    kinds = STANDARD_EVENTS[name].params
    wrong = [key for key, kind in kinds.items() if given.get(key) is not None and not _is(kind, given[key])]
    return [f"params.{key}: {_wanted(kinds[key])} is expected" for key in wrong]


@lru_cache(maxsize=256)
def _unknown(name: str) -> str:
    close = {known.lower(): known for known in STANDARD_EVENTS}
    meant = get_close_matches(name.lower(), close, n=1)
    hint = f"; {close[meant[0]]!r} is one" if meant else ""
    return f"event: no standard event is called {name!r}{hint}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_instant(value: Any) -> bool:
    try:
        return isinstance(value, str) and parse_iso(value) is not None
    except ValueError:
        return False


_KINDS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "text": ("a text", lambda value: isinstance(value, str)),
    "number": ("a number", _is_number),
    "int": ("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "bool": ("true or false", lambda value: isinstance(value, bool)),
    "amounts": (
        "an object of names and numbers",
        lambda value: isinstance(value, dict) and all(map(_is_number, value.values())),
    ),
    "instant": ("an ISO 8601 text with an offset from UTC", _is_instant),
}


def _is(kind: ParamKind, value: Any) -> bool:
    return value in kind if isinstance(kind, tuple) else _KINDS[kind][1](value)


def _wanted(kind: ParamKind) -> str:
    return f"one of {', '.join(kind)}" if isinstance(kind, tuple) else _KINDS[kind][0]
