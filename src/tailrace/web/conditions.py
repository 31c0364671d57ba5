"""Conditions of requests: answers that a client has already need not be sent again."""

from hashlib import sha256

from starlette.requests import Request


def etag_of(body: bytes) -> str:
    """The strong entity tag of an answer's bytes."""
    return f'"{sha256(body).hexdigest()[:32]}"'


def has_already(request: Request, etag: str) -> bool:
    """Whether ``If-None-Match`` names an answer's entity tag, or any (``*``)."""
    known = [tag.strip().removeprefix("W/") for tag in ",".join(request.headers.getlist("if-none-match")).split(",")]
    return etag in known or "*" in known
