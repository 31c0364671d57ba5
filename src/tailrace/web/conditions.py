"""Conditions of requests: answers that a client has already need not be sent again."""

import re
from hashlib import sha256

from starlette.datastructures import Headers

_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def etag_of(body: bytes) -> str:
    """The strong entity tag of an answer's bytes."""
    return f'"{sha256(body).hexdigest()[:32]}"'


def has_already(headers: Headers, etag: str) -> bool:
    """Whether ``If-None-Match`` names what there is. Tags are compared weakly, which is right for it alone."""
    given = ",".join(headers.getlist("if-none-match"))
    return given.strip() == "*" or etag in _TAG.findall(given)
