"""Discretion: what may be kept of a sender, and what is added of it. Applied to session texts as they are accepted.

Most records of a request, and most requests of a device, have the same text, so each text is settled once.
"""

from functools import lru_cache
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec import Struct

from tailrace.ingest.addresses import Keeping, kept
from tailrace.ingest.places import NOWHERE, Places
from tailrace.ingest.rates import UNKNOWN, Rates
from tailrace.ingest.robots import ROBOT, is_robot

Mask = npt.NDArray[np.bool_]
_CACHED_BYTES = 4096  # a longer text is settled each time: 4096 of the longest would fill the memory
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encoder = msgspec.json.Encoder()


class Discretion(Struct, frozen=True):
    """What is kept of addresses, what becomes of robots, and where places and exchange rates are looked up."""

    ip: Keeping = "truncated"
    bots: Literal["keep", "drop"] = "keep"
    places: Places = NOWHERE
    rates: Rates = UNKNOWN


DISCRETION = Discretion()


def settle(sessions: pa.ChunkedArray, discretion: Discretion) -> tuple[pa.ChunkedArray | pa.Array, Mask]:
    """A column of session texts as they may be kept, and which rows are of robots."""
    robots = np.zeros(len(sessions), dtype=np.bool_)
    if sessions.null_count == len(sessions):
        return sessions, robots
    encoded = sessions.combine_chunks().dictionary_encode()
    texts = encoded.dictionary.to_pylist()
    found = [settled(text, discretion) for text in texts]
    if any(robot for _, robot in found):
        which = np.array([robot for _, robot in found])
        robots = encoded.indices.fill_null(0).to_numpy()
        robots = which[robots] & np.asarray(encoded.indices.is_valid())
    if all(text == kept_text for text, (kept_text, _) in zip(texts, found, strict=True)):
        return sessions, robots
    return pa.array([text for text, _ in found], pa.string()).take(encoded.indices), robots


def settled(text: str, discretion: Discretion) -> tuple[str | None, bool]:
    """A text as it may be kept, itself where nothing changes, and whether it is of a robot."""
    if '"ip"' not in text and '"user_agent"' not in text:
        return text, False
    if len(text) > _CACHED_BYTES:
        return _read(text, discretion)
    return _cached(text, discretion)


def _read(text: str, discretion: Discretion) -> tuple[str | None, bool]:
    found = _object.decode(text)
    changes: dict[str, str | None] = {}
    agent, address = _text(found, "user_agent"), _text(found, "ip")
    robot = agent is not None and is_robot(agent)
    if robot:
        changes["device_type"] = ROBOT
    if address is not None:
        changes["ip"] = kept(address, discretion.ip)
        changes |= _whereabouts(found, address, discretion.places)
    if all(value == _text(found, name) for name, value in changes.items()):
        return text, robot
    merged: dict[str, Any] = {name: value for name, value in (found | changes).items() if value is not None}
    return (_encoder.encode(merged).decode() if merged else None), robot


_cached = lru_cache(maxsize=4096)(_read)


def _whereabouts(found: dict[str, msgspec.Raw], address: str, places: Places) -> dict[str, str | None]:
    """What the database adds. A sender that names its country knows better where it is, and what is in it."""
    if not places.known or _text(found, "country"):
        return {}
    place = places.find(address)
    known = {"country": place.country, "region": place.region, "city": place.city}
    return {name: value for name, value in known.items() if value is not None and not _text(found, name)}


def _text(found: dict[str, msgspec.Raw], name: str) -> str | None:
    value = msgspec.json.decode(found[name]) if name in found else None
    return value if isinstance(value, str) else None
