"""Routes of ingest protocols: one path may be shared by those that tell their requests apart."""

from collections.abc import Sequence
from typing import Any, cast

import pytest
from msgspec.structs import replace

from tailrace.ingest.protocols import PROTOCOLS
from tailrace.ingest.protocols.base import IngestProtocol
from tailrace.web.collecting import protocol_routes

AMPLITUDE = PROTOCOLS["amplitude"]


def paths(*protocols: IngestProtocol) -> Sequence[str]:
    """The paths of the routes of these protocols."""
    return [cast(Any, route).path for route in protocol_routes(cast(Any, None), protocols)]


def test_a_shared_path_is_one_route() -> None:
    """No path of any protocol is routed twice, and none is missing."""
    found = paths(*PROTOCOLS.values())
    assert len(found) == len(set(found))
    assert set(found) == {path for protocol in PROTOCOLS.values() for door in protocol.doors for path in door.paths}


def test_a_path_that_nothing_tells_apart_stops_the_start() -> None:
    """Two protocols with the same path, one of which takes whatever comes: found before any request is."""
    greedy = replace(AMPLITUDE, intakes=[replace(intake, mine=None) for intake in AMPLITUDE.intakes])
    with pytest.raises(ValueError, match="POST /2/httpapi: each protocol that has it must say what is its own"):
        paths(AMPLITUDE, greedy)
