"""What goes wrong on S3, told in our words.

What clients and servers say is never passed on: an answer to a request that was refused can repeat the request, its
session token included. The code of an error is all that is taken from it.
"""

import re
from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
)
from obstore.exceptions import BaseError, NotFoundError, PermissionDeniedError, UnauthenticatedError

from tailrace.model.errors import Invalid, Unavailable

_T = TypeVar("_T")

REFUSED_S = 60
AWAY_S = 5

_CODE = re.compile(r"<Code>(\w{1,64})</Code>")
_STATUS = re.compile(r"status code: (\d{3})|status: (\d{3})")

# What came in was not what was sent: the network's fault, so the same bytes are sent again.
GARBLED = frozenset({"BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch",
                     "IncompleteBody", "RequestTimeout"})  # fmt: skip
_REFUSED = frozenset({
    "AccessDenied", "AccountProblem", "AllAccessDisabled", "AuthorizationHeaderMalformed", "ExpiredToken", "Forbidden",
    "InvalidAccessKeyId", "InvalidSecurity", "InvalidToken", "NotSignedUp", "RequestTimeTooSkewed",
    "SignatureDoesNotMatch", "TokenRefreshRequired", "UnauthorizedAccess", "401", "403",
})  # fmt: skip
_ADVICE = {
    "AccessDenied": "give its credentials the permissions that docs/storage.md lists",
    "RequestTimeTooSkewed": "set the clock of the machine",
    "AuthorizationHeaderMalformed": "set s3.region to the bucket's region",
}
_CREDENTIALS = "renew the AWS credentials of this process"


class Garbled(Exception):
    """Bytes were changed or lost on their way."""


def told(key: str, request: Callable[[], _T]) -> _T:
    """Make a request; errors of the clients become ours.

    Raises:
        FileNotFoundError: there is no such object or upload.
        Unavailable: the server is away, overloaded, or refuses the credentials; all of that can mend.
        Invalid: there is no such bucket.
        Garbled: the same request may go well.
    """
    try:
        return request()
    except (BaseError, BotoCoreError, ClientError, FileNotFoundError) as error:  # the last is obstore's too
        ours = _ours(key, error)
    # Outside the block, so that logs that print the causes of an error and the variables of its frames find nothing.
    raise ours


def code_of(error: Exception) -> str:
    """The server's code of an error, else the status of its answer, else ""."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", ""))
    text = str(error)
    if found := _CODE.search(text):
        return found[1]
    status = _STATUS.search(text)
    return (status[1] or status[2]) if status else ""


def _ours(key: str, error: Exception) -> Exception:
    """Tenants may read what these say: it names no server, no bucket and no account."""
    code = code_of(error)
    if code == "NoSuchBucket":
        return Invalid("files", "there is no such bucket; make it, or mend the setting")
    if isinstance(error, (NotFoundError, FileNotFoundError)) or code in ("NoSuchKey", "NoSuchUpload", "404"):
        return FileNotFoundError(key)
    if code in GARBLED:
        return Garbled(code)
    if _is_refusal(error, code):
        advice = _ADVICE.get(code, _CREDENTIALS)
        return Unavailable(f"the object storage refuses the server: {code or 'no credentials'}; {advice}", REFUSED_S)
    return Unavailable(f"the object storage {f'fails: {code}' if code else 'cannot be reached'}", AWAY_S)


def _is_refusal(error: Exception, code: str) -> bool:
    kinds = PermissionDeniedError, UnauthenticatedError, NoCredentialsError, PartialCredentialsError
    return code in _REFUSED or isinstance(error, (*kinds, CredentialRetrievalError))
