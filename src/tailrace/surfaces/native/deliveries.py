"""Between deliveries and the documents of the native API."""

from collections.abc import Sequence

from tailrace.delivery.destinations import Destination
from tailrace.delivery.log import Tried
from tailrace.delivery.replay import Logged
from tailrace.model.clock import iso
from tailrace.model.delivery import Delivery, Mail, S3Copy, Webhook
from tailrace.surfaces.native.documents.deliveries import (
    AttemptDocument,
    CopiedDocument,
    DeliveryBody,
    DeliveryDocument,
    DestinationDocument,
    MailBody,
    S3Body,
    WebhookBody,
)


def wanted_deliveries(bodies: Sequence[DeliveryBody], base: str, who: str) -> tuple[Delivery, ...]:
    """What is asked for; links in it begin with `base`, and mail goes to `who` where nobody is named."""
    return tuple(wanted_delivery(body, base, who) for body in bodies)


def wanted_delivery(body: DeliveryBody, base: str, who: str) -> Delivery:
    """One of them."""
    match body:
        case S3Body():
            return S3Copy(**{name: getattr(body, name) for name in body.__struct_fields__})
        case WebhookBody():
            said = {name: getattr(body, name) for name in body.__struct_fields__}
            return Webhook(**said, body="native", base=base)
        case MailBody():
            return Mail(to=(who,) if body.to is None else tuple(body.to))


def delivery_document(logged: Logged) -> DeliveryDocument:
    """How a delivery stands, and its log."""
    standing = logged.standing
    return DeliveryDocument(
        id=standing.id,
        export=standing.export,
        kind=standing.kind,
        state=standing.state,
        destination=standing.destination or None,
        where=standing.where,
        created_at=iso(standing.created_at),
        finished_at=_instant(standing.finished_at),
        error=standing.error,
        next_try_at=_instant(logged.next_at),
        copied=[CopiedDocument(copied.file, copied.key) for copied in standing.copied],
        replay_of=standing.replay_of,
        attempts=[_attempt(tried) for tried in logged.attempts],
    )


def destination_document(found: Destination) -> DestinationDocument:
    """A stored destination."""
    return DestinationDocument(found.name, found.kind, found.shown, iso(found.created_at))


def _instant(ms: int | None) -> str | None:
    return None if ms is None else iso(ms)


def _attempt(tried: Tried) -> AttemptDocument:
    return AttemptDocument(iso(tried.at), tried.ms, tried.outcome, tried.why)
