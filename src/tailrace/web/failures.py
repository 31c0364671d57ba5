"""What a surface answers to errors, found out by asking it: the statuses, codes and headers of its description."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct
from starlette.responses import Response

from tailrace.model.errors import TailraceError
from tailrace.web.surface import Surface

_UNROUTED = (404, 405)
_OF_THE_BODY = frozenset(("content-type", "content-length"))


class Failure(Struct, frozen=True):
    """One answer to an error: its status, its code, the type of its body, headers beyond those of the body."""

    status: int
    code: str
    media_type: str
    headers: Sequence[str]


def failures(surface: Surface) -> Mapping[int, Sequence[Failure]]:
    """Every error that a surface can answer, by status; those of a status by code."""
    found: dict[int, dict[str, Failure]] = {}
    for failure in _all(surface):
        found.setdefault(failure.status, {})[failure.code] = failure
    return {status: [of[code] for code in sorted(of)] for status, of in sorted(found.items())}


def sample(kind: type[TailraceError]) -> TailraceError:
    """An error of a class, its fields filled with values that mean nothing."""
    hints = get_type_hints(kind)
    return kind(**{field.name: _value(hints[field.name]) for field in fields(kind) if field.init})


def _all(surface: Surface) -> Iterator[Failure]:
    for kind in surface.errors:
        yield _failure(surface.reply(sample(kind)), kind.code)
    for status in _UNROUTED:
        yield _failure(surface.unknown(status, ""), "")


def _failure(response: Response, code: str) -> Failure:
    headers = [name for name in response.headers if name not in _OF_THE_BODY]
    return Failure(response.status_code, _code(response) or code, response.media_type or "", headers)


def _code(response: Response) -> str:
    """The code that the body names; a dialect may have none."""
    try:
        return str(msgspec.json.decode(bytes(response.body), type=dict[str, Any]).get("code", ""))
    except msgspec.DecodeError:
        return ""


def _value(hint: Any) -> Any:
    """A value of a type: the first word of several, else what is empty."""
    origin, choices = get_origin(hint), get_args(hint)
    if origin is Literal:
        return choices[0]
    if NoneType in choices:
        return None
    if isinstance(origin, type):
        return {} if issubclass(origin, Mapping) else origin(()) if origin in (frozenset, set, list, tuple) else ()
    return hint()
