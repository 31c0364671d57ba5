"""What a delivery that is asked for must be, before it is kept."""

import re
from collections.abc import Sequence
from dataclasses import fields
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct, field
from sqlalchemy import Connection, func, select

from tailrace.accounts.chosen import EMAIL_PATTERN
from tailrace.config import DeliverySettings, MailSettings
from tailrace.db.tables import users
from tailrace.delivery.signing import check_key
from tailrace.delivery.vault import Vault
from tailrace.model.delivery import MOST_DELIVERIES, Delivery, Mail, S3Copy, Webhook
from tailrace.model.errors import Invalid

MOST_ADDRESSES = 20
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,253}[a-z0-9]", re.IGNORECASE)
_PLAIN = re.compile(r"[^\x00-\x1f\x7f]*")
_WORD = re.compile(r"[A-Za-z0-9_-]{0,60}")
_LONGEST_PREFIX, _LONGEST_URL = 600, 2000  # so that prefix, id and name fit into the 1024 bytes of a key
_SIGNS = frozenset(',;:<>()[]"\\')  # which a header of mail makes something of
_BESIDE = frozenset(("destination", "prefix", "compress", "by_export", "manifest", "body", "base", "after_copies"))


class Reception(Struct, frozen=True):
    """What taking deliveries needs: what seals their secrets, and what the operator lets them be."""

    vault: Vault = field(default_factory=Vault)
    settings: DeliverySettings = field(default_factory=DeliverySettings)
    mail: MailSettings = field(default_factory=MailSettings)


def may_go_unkeyed(bucket: str, settings: DeliverySettings) -> bool:
    """Whether the operator lets copies into a bucket go with the server's own credentials."""
    return bucket in names_in(settings.environment_buckets)


def names_in(text: str) -> list[str]:
    """The names of a list by comma."""
    return [name for name in map(str.strip, text.split(",")) if name]


def check_count(asked: Sequence[Delivery]) -> None:
    """Refuse too many. Raises Invalid."""
    if len(asked) > MOST_DELIVERIES:
        raise Invalid("deliveries", f"must be no more than {MOST_DELIVERIES}")


def check_delivery(connection: Connection, reception: Reception, space: int, asked: Delivery, where: str) -> None:
    """Refuse what cannot be delivered; `where` is the key of the request that holds it.

    Raises:
        Invalid: a value cannot be; it is named, and not repeated.
    """
    if asked.destination:
        _check_nothing_else(asked, where)
    match asked:
        case S3Copy():
            _check_keys(asked, where)
            if not asked.destination:
                _check_bucket(reception, asked, where)
        case Webhook() if not asked.destination:
            _check_webhook(asked, where)
        case Mail():
            _check_mail(connection, reception.mail, space, asked, where)


def _check_nothing_else(asked: Delivery, where: str) -> None:
    for one in fields(asked):
        if one.name not in _BESIDE and getattr(asked, one.name) != one.default:
            raise Invalid(f"{where}.{one.name}", "comes with the destination")


def _check_keys(asked: S3Copy, where: str) -> None:
    """What keys of objects are made of."""
    if not _PLAIN.fullmatch(asked.prefix) or len(asked.prefix.encode()) > _LONGEST_PREFIX:
        raise Invalid(f"{where}.prefix", f"must be text of at most {_LONGEST_PREFIX} bytes")
    if asked.prefix.startswith("/") or any(part in (".", "..") for part in asked.prefix.split("/")):
        raise Invalid(f"{where}.prefix", "must not begin with a slash or have parts that are dots")
    if not re.fullmatch(r"[^/\x00-\x1f\x7f]{0,100}", asked.manifest) or asked.manifest in (".", ".."):
        raise Invalid(f"{where}.manifest", "must be the name of a file, or empty")


def _check_bucket(reception: Reception, asked: S3Copy, where: str) -> None:
    if not _BUCKET.fullmatch(asked.bucket):
        raise Invalid(f"{where}.bucket", "must be the name of a bucket")
    if asked.endpoint:
        parts = _url(asked.endpoint, f"{where}.endpoint")
        if parts.path.strip("/") or parts.query or parts.fragment:
            raise Invalid(f"{where}.endpoint", "must be the URL of a server alone")
    if not (_WORD.fullmatch(asked.region) and _WORD.fullmatch(asked.storage_class)):
        raise Invalid(f"{where}.region", "region and storage class must be words as S3 has them")
    if asked.kms_key and asked.encryption != "aws:kms":
        raise Invalid(f"{where}.kms_key", "goes with the encryption 'aws:kms'")
    _check_credentials(reception, asked, where)


def _check_credentials(reception: Reception, asked: S3Copy, where: str) -> None:
    if bool(asked.access_key_id) != bool(asked.secret_access_key):
        raise Invalid(f"{where}.secret_access_key", "access_key_id and secret_access_key go together")
    if not _PLAIN.fullmatch(asked.access_key_id + asked.secret_access_key + asked.session_token):
        raise Invalid(f"{where}.secret_access_key", "credentials must be plain text")
    if asked.session_token and not asked.access_key_id:
        raise Invalid(f"{where}.session_token", "goes with access_key_id and secret_access_key")
    if asked.access_key_id:
        return
    if asked.endpoint or not may_go_unkeyed(asked.bucket, reception.settings):
        why = "is needed; the server's own credentials are for the buckets that its operator names"
        raise Invalid(f"{where}.access_key_id", why)


def _check_webhook(asked: Webhook, where: str) -> None:
    _url(asked.url, f"{where}.url")
    if asked.secret:
        check_key(asked.secret, f"{where}.secret")


def _url(text: str, where: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise Invalid(where, "must be a URL") from None
    if not sound or len(text) > _LONGEST_URL or not re.fullmatch(r"[!-~]+", text):
        raise Invalid(where, "must be a URL with http or https and a host, percent-encoded where need be")
    if "@" in parts.netloc:
        raise Invalid(where, "must not hold a user name or password")
    return parts


def _check_mail(connection: Connection, mail: MailSettings, space: int, asked: Mail, where: str) -> None:
    if not mail.host:
        raise Invalid(where, "this server sends no mail")
    if not 0 < len(asked.to) <= MOST_ADDRESSES:
        raise Invalid(f"{where}.to", f"must be 1 to {MOST_ADDRESSES} addresses")
    for address in asked.to:
        if (
            not re.fullmatch(EMAIL_PATTERN, address)
            or set(address) & _SIGNS
            or not _may_get(connection, mail, space, address)
        ):
            raise Invalid(f"{where}.to", "must be addresses of users of the space, or of domains that may get mail")


def _may_get(connection: Connection, mail: MailSettings, space: int, address: str) -> bool:
    if address.lower().rpartition("@")[2] in names_in(mail.allow_domains.lower()):
        return True
    mine = (users.c.space == space, users.c.disabled_at.is_(None), func.lower(users.c.email) == address.lower())
    return connection.scalar(select(users.c.number).where(*mine)) is not None
