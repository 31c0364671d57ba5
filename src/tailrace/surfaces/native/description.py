"""What the native API says of itself beside its operations: words of the whole, credentials, subjects."""

from collections.abc import Mapping, Sequence
from typing import Any

from tailrace import __version__
from tailrace.surfaces.native.documents.base import ProblemDocument
from tailrace.surfaces.native.documents.meanings import EXAMPLES, MEANINGS, PARAMETERS
from tailrace.web.openapi import About
from tailrace.web.operations import Operation, Security

API_VERSION = "v1"

_SCHEMES: Mapping[str, dict[str, Any]] = {
    "token": {"type": "http", "scheme": "bearer", "description": "A token of a user; each operation names its scope."},
    "write_key": {"type": "http", "scheme": "bearer", "description": "The write key of an app."},
    "write_key_as_user": {
        "type": "http",
        "scheme": "basic",
        "description": "The write key of an app as user name; the password is not looked at.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "tailrace_session",
        "description": "A login session of a browser; what changes something needs `csrf` too.",
    },
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": "X-CSRF-Token",
        "description": "What the login answered as `csrf`.",
    },
    "login": {"type": "http", "scheme": "basic", "description": "E-mail and password of a user."},
}
_BY_TOKEN: Sequence[Sequence[str]] = (("token",), ("session", "csrf"))
# The alternatives that each kind of security takes; all schemes of one are sent together, `csrf` by what changes.
_TAKES: Mapping[Security, Sequence[Sequence[str]]] = {
    "none": (),
    "token": _BY_TOKEN,
    "token_or_login": (*_BY_TOKEN, ("login",)),
    "link": ((), *_BY_TOKEN),
    "write_key": (("write_key",), ("write_key_as_user",)),
    "login": (("login",),),
    "signed": ((),),  # the query is the credential
}
_TAGS = {
    "events": "Send events.",
    "exports": "Ask for exports, watch them, and download their files.",
    "deliveries": "Copies to S3, webhooks and mail, and destinations that are kept for them.",
    "bulk": "The same for generic clients of the FHIR Bulk Data Access guide.",
    "me": "Whoever calls.",
    "logins": "Sessions of people in browsers.",
    "tokens": "Credentials for programs.",
    "users": "People and programs of a space.",
    "apps": "Apps of a space, and their keys.",
    "audit": "Who did what.",
    "setup": "The first admin of a new store.",
    "service": "The server itself.",
}

# What a header must be, where any text will not do.
_HEADERS: Mapping[str, dict[str, Any]] = {
    "idempotency-key": {"schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}},
    "prefer": {"required": True, "schema": {"type": "string", "pattern": "^respond-async$"}},
}


def _security(operation: Operation) -> Sequence[Mapping[str, Sequence[str]]]:
    """The credentials that an operation takes, each with the scope that it must carry."""
    scopes = [operation.scope] if operation.scope else []
    left_out = ("csrf",) if operation.method == "GET" else ()
    return [{name: scopes for name in together if name not in left_out} for together in _TAKES[operation.security]]


ABOUT = About(
    title="Tailrace",
    version=f"{API_VERSION}+{__version__}",
    description=(
        "Events go in, exports come out. Keys that a request does not know are errors that name them. What answers "
        "GET answers HEAD too. Every error is a problem document (RFC 9457) with a stable `code`, a `detail` that says "
        "what to do next, and `retryable`."
    ),
    schemes=_SCHEMES,
    security=_security,
    problem=ProblemDocument,
    tags=_TAGS,
    meanings=MEANINGS,
    parameters=PARAMETERS,
    headers=_HEADERS,
    examples=EXAMPLES,
)
