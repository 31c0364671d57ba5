"""Clients that want each event once: one for each surface, by the recipe that the surface gives its clients."""

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from tailrace.model.clock import iso
from tests.crash.checks import rows_of
from tests.crash.worlds import Tenant, World


class Reader(Protocol):
    """A client of one surface, made before the first event."""

    def read(self) -> Counter[int]:
        """All that is new since it read last: the marker `n` of each event, as often as the surface shows it."""


class ByCursor:
    """Increments: each goes on where the last one ended."""

    def __init__(self, world: World, tenant: Tenant, **asked: Any) -> None:
        self._world = world
        self._tenant = tenant
        self._asked = {"window": {"axis": "available"}} | asked

    def read(self) -> Counter[int]:
        """The next increment."""
        export = self._world.ask(self._tenant, **self._asked)
        self._asked["after"] = _end(self._world, self._tenant, export)["cursor"]
        return _markers(self._world, self._tenant, export)


class ByClock:
    """Windows of availability in clock time: each begins where the last one ended."""

    def __init__(self, world: World, tenant: Tenant) -> None:
        self._world = world
        self._tenant = tenant
        self._upto = world.now

    def read(self) -> Counter[int]:
        """The window that ends now."""
        begin, self._upto = self._upto, self._world.now
        window = {"axis": "available", "from": iso(begin), "to": iso(self._upto)}
        export = self._world.ask(self._tenant, window=window)
        _end(self._world, self._tenant, export)
        return _markers(self._world, self._tenant, export)


def _end(world: World, tenant: Tenant, export: str) -> dict[str, Any]:
    """The manifest of an export that must succeed."""
    (row,) = world.finished(export)
    assert row["state"] == "succeeded", world.told()
    return world.manifest(tenant, export)


def _markers(world: World, tenant: Tenant, export: str) -> Counter[int]:
    return Counter(seen.n for seen in rows_of(world, tenant, export).elements())


# A further surface adds a line.
SURFACES: Mapping[str, Callable[[World, Tenant], Reader]] = {
    "native by cursor": ByCursor,
    "native by cursor, sessions": partial(ByCursor, shape="sessions"),
    "native by clock": ByClock,
}
