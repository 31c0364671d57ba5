"""The members of a request, however it was sent: in the query, as a form, as a multipart form, or as JSON."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl

import msgspec

from tailrace.ingest.protocols.base import Sent
from tailrace.ingest.texts import split_batch

Members = Mapping[str, msgspec.Raw]
"""Members by name, each as JSON text; those of a query or a form are JSON strings."""

SAYING = frozenset(
    (
        *("old_device_id", "begin_session", "user_details", "events", "crash", "apm", "consent"),
        *("session_duration", "end_session"),
    )
)
"""The members that say that something happened."""

ENVELOPE = frozenset(
    ("device_id", "timestamp", "hour", "dow", "tz", "sdk_name", "sdk_version", "av", "t", "ip_address")
)
"""Members that come with each request."""

# Beside a body a query is read only as far as it is known: nobody expects the rest of it to be kept.
_IN_QUERY = (
    SAYING | ENVELOPE | {"app_key", "requests", "metrics", "location", "city", "country_code", "campaign_id"}
) | {"campaign_user"}
_MOST = 1000  # members of a form; a request has about thirty


def members_of(sent: Sent) -> Members:
    """The members of a request, those of the body over those of the query. What the body is, it shows itself.

    Raises:
        ValueError: the body cannot be read.
    """
    said = {name: _string(value) for name, value in sent.query.items() if not sent.body or name in _IN_QUERY}
    return said | _of_body(sent.body)


def members_in(text: msgspec.Raw) -> Members:
    """The members of a request in a bulk; none of what cannot be read as an object."""
    try:
        return _object.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return {}


def elements(raw: msgspec.Raw) -> list[msgspec.Raw]:
    """The elements of an array, which may stand in a string. They are not looked into: a broken one spoils no other.

    Raises:
        ValueError: it is no array.
    """
    text = text_of(raw).encode() if bytes(raw).startswith(b'"') else bytes(raw)
    try:
        return _array.decode(text)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, RecursionError):
        return [msgspec.Raw(element) for element in split_batch(b'{"batch":%b}' % text)[1]]


def text_of(raw: msgspec.Raw | None) -> str:
    """A member as text, a number as it was written; empty where there is none."""
    text = "" if raw is None else bytes(raw).decode()
    return msgspec.json.decode(text, type=str) if text.startswith('"') else text.removeprefix("null")


def flag(raw: msgspec.Raw | None) -> bool:
    """Whether a member is there and says yes."""
    return text_of(raw).lower() not in ("", "0", "false")


_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_array = msgspec.json.Decoder(list[msgspec.Raw])


def _of_body(body: bytes) -> dict[str, msgspec.Raw]:
    if body.lstrip().startswith(b"{"):
        return _object.decode(body)
    if body.startswith(b"--"):
        return {name: _string(value) for name, value in _parts(body)}
    pairs = parse_qsl(body.strip().decode(), keep_blank_values=True, max_num_fields=_MOST)
    return {name: _string(value) for name, value in pairs}


def _parts(body: bytes) -> Iterator[tuple[str, str]]:
    """The fields of a multipart form; a picture that comes along is not kept."""
    boundary, _, rest = body.partition(b"\r\n")
    for part in (b"\r\n" + rest).split(b"\r\n" + boundary):
        head, _, value = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = re.search(rb'\bname="([^"]*)"', head)
        if name and b"filename=" not in head:
            yield name[1].decode(), value.decode()


def _string(value: str) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))
