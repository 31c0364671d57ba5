"""The dialects of vendors, a line for each: where its surface stands, and the limits that it brings.

Reading the table loads nothing of HTTP: whoever opens a store needs the limits, and only a server the surfaces.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from msgspec import Struct

from tailrace.model.bundles import Schedule
from tailrace.model.policy import Limit
from tailrace.surfaces.devtodev import policy as devtodev
from tailrace.surfaces.flurry import policy as flurry
from tailrace.surfaces.fullstory import policy as fullstory
from tailrace.surfaces.leanplum import policy as leanplum

if TYPE_CHECKING:
    from tailrace.web.surface import Surface


class Dialect(Struct, frozen=True):
    """One dialect: module and name of its surface, and its limits; what makes its bundles, and its `bodies` of
    webhooks, as ``module:NAME``, if it has any.
    """

    module: str
    name: str
    limits: Sequence[Limit]
    schedule: Schedule | None = None
    bodies: str = ""

    def load(self) -> "Surface":
        """Its surface."""
        surface: Surface = getattr(import_module(self.module), self.name)
        return surface


NATIVE_BODIES = "tailrace.surfaces.native.bodies:BODIES"

DIALECTS: Sequence[Dialect] = (
    Dialect("tailrace.surfaces.flurry.surface", "FLURRY", flurry.LIMITS),
    Dialect("tailrace.surfaces.flurry.reporting", "REPORTING", ()),
    Dialect("tailrace.surfaces.devtodev.surface", "DEVTODEV", devtodev.LIMITS),
    Dialect(
        "tailrace.surfaces.leanplum.surface",
        "LEANPLUM",
        leanplum.LIMITS,
        bodies="tailrace.surfaces.leanplum.deliveries:BODIES",
    ),
    Dialect("tailrace.surfaces.fullstory.surface", "FULLSTORY", fullstory.LIMITS, fullstory.SCHEDULE),
)
