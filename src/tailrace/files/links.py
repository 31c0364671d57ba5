"""Signed links: whoever has one may download one file of one export for a while, without a token."""

import hmac
from base64 import urlsafe_b64encode
from functools import lru_cache

import msgspec
from msgspec import Struct

_PURPOSE = b"tailrace download link 1"  # no other signature of the same secret can pass for one of a link


class Linked(Struct, frozen=True):
    """What a link opens: a file of an export of a space."""

    space: int
    export: str
    file: str


def sign(secret: str, linked: Linked, expires: int) -> str:
    """The signature of a link that is good until `expires`, in seconds since 1970. Safe in URLs."""
    text = msgspec.json.encode((linked.space, linked.export, linked.file, expires))
    return urlsafe_b64encode(hmac.digest(_key(secret), text, "sha256")).rstrip(b"=").decode()


def is_signed(secret: str, linked: Linked, expires: int, signature: str) -> bool:
    """Whether a signature is ours, of just this file and this end."""
    return hmac.compare_digest(sign(secret, linked, expires).encode(), signature.encode())


@lru_cache(1)
def _key(secret: str) -> bytes:
    return hmac.digest(secret.encode(), _PURPOSE, "sha256")
