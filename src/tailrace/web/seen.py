"""What is seen of one request while it is answered: for the log, the meters and the trace."""

from collections.abc import MutableMapping
from typing import Any

from msgspec import Struct

from tailrace.model.access import Principal

_KEY = "tailrace.seen"


class Seen(Struct):
    """A request and its answer so far; `bytes` of the body sent, `code` of the error, numbers of whoever asked.

    With `unread` the rest of its body is not waited for: the connection is closed after the answer.
    """

    request_id: str
    method: str
    status: int = 0
    bytes: int = 0
    whole: bool = False
    download: bool = False
    code: str | None = None
    unread: bool = False
    user: int | None = None
    token: int | None = None


def watch(scope: MutableMapping[str, Any], seen: Seen) -> None:
    """Let whoever answers the request of an ASGI scope add to what is seen of it."""
    scope[_KEY] = seen


def note_caller(scope: MutableMapping[str, Any], caller: Principal) -> None:
    """Take note of who asks."""
    seen: Seen | None = scope.get(_KEY)
    if seen is not None:
        seen.user, seen.token = caller.user, caller.token


def note_error(scope: MutableMapping[str, Any], code: str) -> None:
    """Take note of the code of the error that is answered."""
    seen: Seen | None = scope.get(_KEY)
    if seen is not None:
        seen.code = code


def note_unread(scope: MutableMapping[str, Any]) -> None:
    """Take note that the rest of a request's body is not waited for."""
    seen: Seen | None = scope.get(_KEY)
    if seen is not None:
        seen.unread = True
