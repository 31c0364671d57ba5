"""Names of an app and their numbers, which are what dialects show as ids."""

from collections.abc import Mapping
from typing import Self

from msgspec import Struct
from sqlalchemy import Connection

from tailrace.model.access import Scope
from tailrace.reports.asked import NOBODY, Report
from tailrace.store.catalogue import NameKind, numbered

_KINDS: Mapping[str, NameKind] = {"version": "version", "event": "event"}


class Names(Struct, frozen=True):
    """Numbers by dimension and name, of the dimensions that have any."""

    numbers: Mapping[str, Mapping[str, int]]

    @classmethod
    def of(cls, connection: Connection, scope: Scope) -> Self:
        """All that an app has now."""
        return cls({dimension: dict(numbered(connection, scope, kind)) for dimension, kind in _KINDS.items()})

    def text(self, dimension: str, attribute: str, value: str | None) -> str:
        """The attribute ``id`` or ``name`` of a value; the id is its name where there are no numbers."""
        numbers = self.numbers.get(dimension)
        if attribute == "id" and numbers is not None:
            return NOBODY if value is None else str(numbers[value])
        return value or ""

    def holds(self, report: Report, dimension: str, value: str | None) -> bool:
        """Whether all conditions of a report on a dimension hold for a value."""
        conditions = (one for one in report.conditions if one.dimension == dimension)
        return all(one.holds(self.text(dimension, one.attribute, value)) for one in conditions)
