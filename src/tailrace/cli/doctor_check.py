"""What `doctor` says of one thing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `next` says what to do when it is not well."""

    name: str
    ok: bool
    found: str
    next: str = ""
