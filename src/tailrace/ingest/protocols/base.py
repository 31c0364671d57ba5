"""What an ingest protocol is: how the SDKs of one kind send, as a value. It knows nothing of HTTP servers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from tailrace.ingest.accept import Outcome
from tailrace.ingest.draft import Draft
from tailrace.model.errors import TailraceError

ADDRESS = "address"  # the one place of a sender's address in a context
Method = Literal["GET", "POST"]


class Sent(Struct, frozen=True):
    """One request of an SDK, its body unpacked. Names of headers are lower-case; `address` is the sender's IP address.

    `received_at` is in ms.
    """

    method: str
    path: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    address: str
    received_at: int


class Split(Struct, frozen=True):
    """The records of a request, each by itself, and what of the request they need to be read: a JSON object.

    The context is kept with dead letters, so that a replay reads them as the request would have been read. It never
    holds a key; the sender's address is its member `address`, of which no more is kept than policy allows.
    """

    raws: Sequence[bytes]
    context: Mapping[str, Any] = field(default_factory=dict)


class Answer(Struct, frozen=True):
    """What an SDK hears."""

    status: int
    body: bytes = b""
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


class Intake(Struct, frozen=True):
    """Paths that take events. `split` raises `Malformed`, or whatever `msgspec` says of a body that cannot be read.

    `reply` answers when every good record is durable. `mine` says of a request whether it is one of this intake: it
    is asked where another protocol has the same path, and answers for any body whatever.
    """

    paths: Sequence[str]
    methods: Sequence[Method]
    split: Callable[[Sent], Split]
    reply: Callable[[Sent, Outcome], Answer]
    mine: Callable[[Sent], bool] | None = None


class Inert(Struct, frozen=True):
    """Paths that SDKs ask before or beside sending; the answer is always the same for the same request."""

    paths: Sequence[str]
    methods: Sequence[Method]
    reply: Callable[[Sent], Answer]


class IngestProtocol(Struct, frozen=True):
    """How the SDKs of one kind send.

    `key_of` finds the write key in a request, in a header, the query or the body; None if there is none. `draft`
    reads records that `split` gave, each by itself, with the context. `refuse` is the answer to an error.
    """

    name: str
    key_of: Callable[[Sent], str | None]
    draft: Callable[[Sequence[bytes], Mapping[str, Any]], Draft]
    intakes: Sequence[Intake]
    inert: Sequence[Inert]
    refuse: Callable[[int, TailraceError], Answer]

    @property
    def doors(self) -> Sequence[Intake | Inert]:
        """All its paths."""
        return [*self.intakes, *self.inert]


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer in JSON."""
    return Answer(status, msgspec.json.encode(value), headers=headers or {})
