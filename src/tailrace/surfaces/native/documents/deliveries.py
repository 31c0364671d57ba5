"""Deliveries as they are asked for and as they stand, their log, and stored destinations."""

from typing import Annotated, Literal

import msgspec

from tailrace.delivery.checks import MOST_ADDRESSES
from tailrace.delivery.log import Outcome
from tailrace.model.delivery import DeliveryKind, DeliveryState, Encryption
from tailrace.surfaces.native.documents.base import Count, Instant, Strict
from tailrace.surfaces.native.documents.schemas import ID

Name = Annotated[str, msgspec.Meta(extra_json_schema=ID)]
Addresses = Annotated[list[str], msgspec.Meta(extra_json_schema={"minItems": 1, "maxItems": MOST_ADDRESSES})]


class S3Body(Strict, tag_field="kind", tag="s3", kw_only=True):
    """A copy of the files to S3 or what speaks it: into a stored `destination`, or a bucket that is named here."""

    destination: str = ""
    bucket: str = ""
    prefix: str = ""
    endpoint: str = ""
    region: str = ""
    path_style: bool | None = None
    encryption: Encryption = "none"
    kms_key: str = ""
    storage_class: str = ""
    access_key_id: str = ""
    secret_access_key: str = ""
    session_token: str = ""
    compress: bool = False
    by_export: bool = True
    manifest: str = "manifest.json"


class WebhookBody(Strict, tag_field="kind", tag="webhook", kw_only=True):
    """A POST when the export has ended: to a stored `destination`, or a URL that is named here."""

    destination: str = ""
    url: str = ""
    secret: str = ""
    after_copies: bool = False


class MailBody(Strict, tag_field="kind", tag="mail", kw_only=True):
    """Mail when the export has ended; without addresses to whoever asks."""

    to: Addresses | None = None


DeliveryBody = S3Body | WebhookBody | MailBody


class DestinationBody(Strict):
    """A destination to be kept under a name."""

    name: Name
    target: S3Body | WebhookBody


class DestinationDocument(Strict):
    """A stored destination, without its secrets."""

    name: str
    kind: DeliveryKind
    where: str
    created_at: Instant


class DestinationsDocument(Strict):
    """Destinations, newest first; `next` goes on where they end."""

    destinations: list[DestinationDocument]
    next: str | None


class CopiedDocument(Strict):
    """A file of the export, and the key of its copy in the bucket."""

    file: str
    key: str


class AttemptDocument(Strict):
    """An attempt, when it began, how long it took, and what came of it."""

    at: Instant
    ms: Count
    outcome: Outcome
    why: str | None


class DeliveryDocument(Strict):
    """How a delivery stands, and its log."""

    id: str
    export: str
    kind: DeliveryKind
    state: DeliveryState
    destination: str | None
    where: str
    created_at: Instant
    finished_at: Instant | None
    error: str | None
    next_try_at: Instant | None
    copied: list[CopiedDocument]
    replay_of: str | None
    attempts: list[AttemptDocument]


class DeliveriesDocument(Strict):
    """The deliveries of an export, in the order in which they were asked for; replays last."""

    deliveries: list[DeliveryDocument]


class WebhookKeyDocument(Strict):
    """What webhooks of the space are signed with that bring no `secret` of their own."""

    secret: str


class UnsubscribeQuery(Strict):
    """What makes the path a link of ours."""

    space: Annotated[int, msgspec.Meta(ge=1, le=1 << 53)]
    address: str
    signature: str


class UnsubscribedDocument(Strict):
    """No more mail goes to the address."""

    state: Literal["unsubscribed"]
