"""A bucket that is somebody else's: objects are put there with its owner's credentials, and never read.

All of it goes through botocore: such objects are as large as exports, and their servers are whoever's.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)
from msgspec import Struct

from tailrace.files.base import Sink
from tailrace.files.s3.clients import Clients, Connect, Keys
from tailrace.files.s3.faults import GARBLED, Garbled, code_of
from tailrace.files.s3.place import Place
from tailrace.files.s3.uploads import Upload, Uploads
from tailrace.files.s3.writing import ObjectWriter
from tailrace.model.errors import Unavailable

_T = TypeVar("_T")

_AWAY_S = 5
_TRIES = 4  # of bytes that came to harm on their way; the client itself retries what is busy or breaks off
_MARK = "tailrace-sha256"
# Codes that the same request would bring again: somebody has to change something.
_FINAL = frozenset({
    "AccessDenied", "AccountProblem", "AllAccessDisabled", "AuthorizationHeaderMalformed", "ExpiredToken", "Forbidden",
    "InvalidAccessKeyId", "InvalidArgument", "InvalidBucketName", "InvalidRequest", "InvalidSecurity",
    "InvalidStorageClass", "InvalidToken", "KMS.DisabledException", "KMS.NotFoundException", "MethodNotAllowed",
    "NoSuchBucket", "NotImplemented", "NotSignedUp", "PermanentRedirect", "SignatureDoesNotMatch",
    "UnauthorizedAccess", "401", "403", "405",
})  # fmt: skip


class Refused(Exception):
    """The bucket's server refuses; trying again changes nothing. The text is the server's code."""


class Kept(Struct, frozen=True):
    """How objects are kept there: encryption (`none`, `AES256`, `aws:kms`), the key of it, and storage class."""

    encryption: str = "none"
    kms_key: str = ""
    storage_class: str = ""

    def words(self) -> dict[str, str]:
        """As S3 has them."""
        found = {
            "ServerSideEncryption": "" if self.encryption == "none" else self.encryption,
            "SSEKMSKeyId": self.kms_key,
            "StorageClass": self.storage_class,
        }
        return {name: value for name, value in found.items() if value}


class Bucket:
    """Objects of a place, written whole. Each method raises Refused, or Unavailable if trying again makes sense."""

    def __init__(self, place: Place, keys: Keys | None, kept: Kept, connect: Connect | None) -> None:
        self._place = place
        self._kept = kept
        self._clients = Clients(place, keys, connect)

    @contextmanager
    def create(self, key: str, media_type: str, mark: str) -> Iterator[Sink]:
        """A new object, or a new content of it: visible when the block ends well. Nothing is left when it raises.

        `mark` is kept with it.
        """
        about = {"ContentType": media_type, "Metadata": {_MARK: mark}, **self._kept.words()}
        writer = ObjectWriter(_Writing(self._place, self._clients, about), key)
        try:
            yield writer
            writer.finish()
        except BaseException:
            writer.abort()
            raise

    def mark_of(self, key: str) -> str:
        """The mark of an object; "" if there is none, or nobody may look."""
        with suppress(Refused, FileNotFoundError):
            head = _told(lambda: self._clients.api.head_object(Bucket=self._place.bucket, Key=key))
            return str(head.get("Metadata", {}).get(_MARK, ""))
        return ""

    def abort_left(self, key: str) -> None:
        """Let go of what writers of a key have begun and not ended, as far as we may know of it."""
        uploads = Uploads(self._place, self._clients)
        with suppress(Refused, FileNotFoundError):
            for page in _told(lambda: list(uploads.pages(key))):
                for upload, _ in page:
                    if upload.key == key:
                        _told(lambda begun=upload: uploads.abort(begun))  # type: ignore[misc]


class _Writing:
    """What `ObjectWriter` asks."""

    def __init__(self, place: Place, clients: Clients, about: dict[str, Any]) -> None:
        self._place = place
        self._clients = clients
        self._about = about
        self._uploads = Uploads(place, clients, about)

    def put(self, key: str, data: bytearray) -> None:
        """Make a whole object; doing so again makes the same."""
        where = {"Bucket": self._place.bucket, "Key": key}
        _again(lambda: self._clients.api.put_object(**where, Body=bytes(data), **self._about))

    def begin(self, key: str) -> Upload:
        """Begin an upload in parts."""
        return _told(lambda: self._uploads.begin(key))

    def send(self, upload: Upload, number: int, data: bytearray) -> dict[str, Any]:
        """Send a part."""
        return _again(lambda: self._uploads.send(upload, number, data))

    def complete(self, upload: Upload, parts: list[dict[str, Any]], size: int) -> None:
        """Make an object of its parts. After a lost answer there is no upload any more, but the marked object."""
        try:
            _told(lambda: self._uploads.complete(upload, parts))
        except FileNotFoundError:
            head = _told(lambda: self._clients.api.head_object(Bucket=self._place.bucket, Key=upload.key))
            if head["ContentLength"] != size or head.get("Metadata") != self._about["Metadata"]:
                raise Unavailable("an upload was aborted before its end", _AWAY_S) from None

    def abort(self, upload: Upload) -> None:
        """Let go of an upload; what is gone is fine."""
        with suppress(FileNotFoundError, Refused):
            _told(lambda: self._uploads.abort(upload))


def _again(request: Callable[[], _T]) -> _T:
    for _ in range(_TRIES):
        try:
            return _told(request)
        except Garbled:
            continue
    raise Unavailable("what is sent to the bucket arrives changed", _AWAY_S)


def _told(request: Callable[[], _T]) -> _T:
    """Make a request; what clients and servers say of errors is never passed on, since it may repeat credentials."""
    try:
        return request()
    except (BotoCoreError, ClientError) as error:
        ours = _ours(error)
    # Outside the block, so that logs that print the causes of an error find nothing.
    raise ours


def _ours(error: Exception) -> Exception:
    code = code_of(error)
    if code in ("NoSuchKey", "NoSuchUpload", "404"):
        return FileNotFoundError(code)
    if code in GARBLED:
        return Garbled(code)
    if code in _FINAL:
        return Refused(code)
    kinds = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, ParamValidationError)
    if isinstance(error, kinds):
        return Refused(type(error).__name__)
    return Unavailable(f"the bucket's server {f'fails: {code}' if code else 'cannot be reached'}", _AWAY_S)
