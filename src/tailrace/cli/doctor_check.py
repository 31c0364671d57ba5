"""What `doctor` says of one thing."""

from msgspec import Struct


class Check(Struct, frozen=True):
    """One thing that was looked at. `next` says what to do when it is not well."""

    name: str
    ok: bool
    found: str
    next: str = ""
