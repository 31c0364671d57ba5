"""What became of events that were sent."""

from msgspec import Struct


class Rejected(Struct, frozen=True):
    """A record that was not taken: its position in the batch, from 0, and why."""

    position: int
    reason: str


class Warned(Struct, frozen=True):
    """A standard event that was taken as it is: its position in the batch, from 0, and what is odd about it."""

    position: int
    reason: str


class Accepted(Struct, frozen=True):
    """What became of a batch."""

    received: int
    accepted: int
    rejected: list[Rejected] = []
    warnings: list[Warned] = []
