"""What the conformance suite must know of a protocol: how its SDKs write events, and what nobody can read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Request:
    """One request of an SDK."""

    path: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"


@dataclass(frozen=True)
class Sample:
    """Requests of a protocol.

    `events` writes events of one device with these names, in this order, with a write key; events of different names
    are different events. `resent` is the second attempt of the same request, other in what its SDK changes, such as the
    time of sending. `malformed` cannot be read at all. `status` is what the SDK hears when all is well.
    """

    events: Callable[[str, Sequence[str]], Request]
    resent: Callable[[str, Sequence[str]], Request]
    malformed: Callable[[str], Request]
    status: int = 200
