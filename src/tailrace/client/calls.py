"""What is asked of a server, as values: nothing here reads, writes or waits."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from msgspec import Struct

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Call(Generic[T_co]):
    """One request and the document that answers it.

    `path` is below the server. `repeatable` calls may be carried out twice without harm. `patience` is how long the
    server may take on purpose (s). `authorization` stands in for the token.
    """

    method: str
    path: str
    kind: type[T_co]
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True
    patience: float = 0.0
    authorization: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Request:
    """What goes over the wire; `timeout` is the longest silence (s)."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None
    timeout: float


class Answer(Struct, frozen=True):
    """What came back; names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Lost(Struct, frozen=True):
    """Nothing came back."""

    why: str


class Pause(Struct, frozen=True):
    """A wait, in seconds."""

    seconds: float


Steps = Generator[Request | Pause, Answer | Lost | None, T]


def segment(name: str) -> str:
    """A name as one segment of a path."""
    return quote(name, safe="")


def query(**values: object) -> Mapping[str, str]:
    """A query string's keys, without those that are None."""
    return {name: str(value) for name, value in values.items() if value is not None}
