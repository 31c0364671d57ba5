"""Deliveries: what is done with an export once it has ended. Each becomes a job of its own.

Values of what was asked. Secrets are in them from the request to the transaction that keeps it, which seals them; no
row, log or manifest has them in clear, and an export that is read again has none of its deliveries in its request.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Literal, get_args

DeliveryKind = Literal["s3", "webhook", "mail"]
# waiting: for the end of its export; pending: its job waits or runs; void: there was nothing to deliver.
DeliveryState = Literal["waiting", "pending", "delivered", "failed", "void"]
Encryption = Literal["none", "AES256", "aws:kms"]

KINDS: tuple[DeliveryKind, ...] = get_args(DeliveryKind)
STATES: tuple[DeliveryState, ...] = get_args(DeliveryState)
MOST_DELIVERIES = 10  # of one export


@dataclass(frozen=True, slots=True)
class Delivery:
    """What all have in common. `destination` names a stored one, which brings what is not said here."""

    kind: ClassVar[DeliveryKind]

    destination: str = ""


@dataclass(frozen=True, slots=True)
class S3Copy(Delivery):
    """A copy of the files of an export that has succeeded, in a bucket of whoever asked.

    A file's key is `prefix`, the export's id and a slash (`by_export`), and its name; `compress` packs files that are
    not packed, and adds ``.gz`` to their names. The manifest comes last, with `manifest` as its name; "" is none.
    Empty `endpoint`, `region` and unset `path_style` are those of AWS. Without keys the server's own credentials are
    used, where the operator lets them.
    """

    kind: ClassVar[DeliveryKind] = "s3"

    bucket: str = ""
    prefix: str = ""
    endpoint: str = ""
    region: str = ""
    path_style: bool | None = None
    encryption: Encryption = "none"
    kms_key: str = ""
    storage_class: str = ""
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    compress: bool = False
    by_export: bool = True
    manifest: str = "manifest.json"


@dataclass(frozen=True, slots=True)
class Webhook(Delivery):
    """A POST that tells that an export has succeeded or failed.

    `body` names who writes what it says: an entry of the table of bodies, to which dialects add theirs. `base` is
    where links in it begin, without a slash at the end. `secret` is the key of its signature, as ``whsec_`` and
    base64; "" is that of the space. With `after_copies` it is sent when all copies to S3 of the export have ended.
    """

    kind: ClassVar[DeliveryKind] = "webhook"

    url: str = field(default="", repr=False)  # its path and query may be a credential
    body: str = "native"
    base: str = ""
    secret: str = field(default="", repr=False)
    after_copies: bool = False


@dataclass(frozen=True, slots=True)
class Mail(Delivery):
    """A message to people that tells that an export has succeeded or failed."""

    kind: ClassVar[DeliveryKind] = "mail"

    to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Copied:
    """A file of an export, and the key of its copy in the bucket."""

    file: str
    key: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How a delivery stands. Times in ms; `where` names its target and holds no secret; `copied` is of copies to S3.

    `error` says why it failed, or why it is tried again. `replay_of` is the delivery that it repeats.
    """

    id: str
    export: str
    kind: DeliveryKind
    state: DeliveryState
    destination: str
    where: str
    created_at: int
    finished_at: int | None
    error: str | None
    copied: tuple[Copied, ...] = ()
    replay_of: str | None = None
