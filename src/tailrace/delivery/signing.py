"""Signatures of webhooks, by the Standard Webhooks specification: receivers check them with any of its libraries."""

import binascii
import hmac
from base64 import b64decode, b64encode
from collections.abc import Mapping

from tailrace.model.errors import Invalid

PREFIX = "whsec_"
_SHORTEST, _LONGEST = 24, 64  # bytes of a key, as the specification wants them
_PURPOSE = b"tailrace webhook key 1 "  # nothing else that is made of the same secret can pass for one


def key_of_space(secret: str, space: int) -> str:
    """The key of webhooks of a space that bring none of their own; it follows from the store's secret."""
    return PREFIX + b64encode(hmac.digest(secret.encode(), _PURPOSE + str(space).encode(), "sha256")).decode()


def check_key(text: str, where: str) -> str:
    """A key of a webhook.

    Raises:
        Invalid: it is none; `where` is the key of the request that holds it.
    """
    try:
        raw = b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not text.startswith(PREFIX) or not _SHORTEST <= len(raw) <= _LONGEST:
        raise Invalid(where, f"must be '{PREFIX}' and {_SHORTEST} to {_LONGEST} bytes in base64")
    return text


def signed_headers(key: str, message: str, seconds: int, body: bytes) -> Mapping[str, str]:
    """The headers that prove where a body comes from: id of the message, time in seconds since 1970, signature."""
    content = f"{message}.{seconds}.".encode() + body
    signature = b64encode(hmac.digest(b64decode(key.removeprefix(PREFIX)), content, "sha256")).decode()
    return {"webhook-id": message, "webhook-timestamp": str(seconds), "webhook-signature": f"v1,{signature}"}
