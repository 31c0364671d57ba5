"""What is said of events that came in."""

from tailrace.surfaces.native.documents.base import Count, Strict


class RejectedDocument(Strict):
    """A record that was not taken: its position in the request, from 0, and why."""

    position: Count
    reason: str


class AcceptedDocument(Strict):
    """What became of a batch of events."""

    received: Count
    accepted: Count
    rejected: list[RejectedDocument]
