"""Which bucket a copy goes to, and with whose credentials."""

from urllib.parse import urlsplit

from tailrace.config import DeliverySettings
from tailrace.delivery.checks import may_go_unkeyed
from tailrace.delivery.ends import GivenUp
from tailrace.delivery.guard import Guard
from tailrace.files.s3.buckets import Bucket, Kept
from tailrace.files.s3.clients import Connect, Keys
from tailrace.files.s3.place import Place
from tailrace.model.delivery import S3Copy

_REGION = "us-east-1"


def bucket_of(asked: S3Copy, settings: DeliverySettings, retries: int, guard: Guard) -> Bucket:
    """The bucket of a copy, its client not made yet.

    Raises:
        GivenUp: it brings no credentials, and the server's own are not for this bucket; or its endpoint has an address
            that nobody may connect to.
        Unavailable: the name of its endpoint means nothing now.
    """
    keys = _keys(asked)
    if keys is None and not may_go_unkeyed(asked.bucket, settings):
        raise GivenUp("it brings no credentials")
    endpoint = (asked.endpoint or settings.s3_endpoint).rstrip("/")
    kept = Kept(asked.encryption, asked.kms_key, asked.storage_class)
    return Bucket(_place(asked, endpoint, retries), keys, kept, _connect(asked, guard))


def _keys(asked: S3Copy) -> Keys | None:
    if not asked.access_key_id:
        return None
    return Keys(asked.access_key_id, asked.secret_access_key, asked.session_token)


def _place(asked: S3Copy, endpoint: str, retries: int) -> Place:
    """Checksums beyond those of signatures are for AWS, whose servers all know them."""
    path_style = bool(endpoint) if asked.path_style is None else asked.path_style
    return Place(asked.bucket, "", endpoint, asked.region or _REGION, path_style, not endpoint, retries)


def _connect(asked: S3Copy, guard: Guard) -> Connect | None:
    """How to connect to an endpoint that a tenant names; that of the setting and AWS are the operator's choice."""
    if not asked.endpoint:
        return None
    parts = urlsplit(asked.endpoint)
    guard.addresses(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))  # told now, and why
    return guard.connect
