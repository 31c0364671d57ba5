"""The dialects of vendors, a line for each: where its surface stands, and the limits that it brings.

Reading the table loads nothing of HTTP: whoever opens a store needs the limits, and only a server the surfaces.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from tailrace.model.policy import Limit
from tailrace.surfaces.devtodev import policy as devtodev
from tailrace.surfaces.flurry import policy as flurry
from tailrace.surfaces.leanplum import policy as leanplum

if TYPE_CHECKING:
    from tailrace.web.surface import Surface


@dataclass(frozen=True, slots=True)
class Dialect:
    """One dialect: module and name of its surface, and its limits; its `bodies` of webhooks, as ``module:NAME``."""

    module: str
    name: str
    limits: Sequence[Limit]
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
        "tailrace.surfaces.leanplum.deliveries:BODIES",
    ),
)
