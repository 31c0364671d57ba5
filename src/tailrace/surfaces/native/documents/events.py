"""What is said of events that came in."""

import msgspec

from tailrace.surfaces.native.documents.base import Count, Strict


class RejectedDocument(Strict):
    """A record that was not taken: its position in the request, from 0, and why."""

    position: Count
    reason: str


class WarningDocument(Strict):
    """A standard event that was taken as it is: its position in the request, from 0, and what no table can show."""

    position: Count
    reason: str


class AcceptedDocument(Strict, omit_defaults=True):
    """What became of a batch of events."""

    received: Count
    accepted: Count
    rejected: list[RejectedDocument]
    warnings: list[WarningDocument] = msgspec.field(default_factory=list)
