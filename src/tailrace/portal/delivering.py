"""Delivering: where the form of a new request lets its result go, and what of that cannot be."""

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from tailrace.delivery.destinations import Destination, list_destinations
from tailrace.model.access import Principal
from tailrace.model.delivery import Delivery, Mail, S3Copy, Webhook
from tailrace.model.errors import Invalid
from tailrace.portal.asking import RequestForm
from tailrace.web.desk import Desk

_MOST = 200  # destinations that are offered
_WHERE = re.compile(r"deliveries\[(\d+)\](?:\.(\w+))?")
# Fields of the form by what it calls them.
LABELS: Mapping[str, str] = {
    "copy_to": "Copy to",
    "prefix": "Prefix of keys there",
    "webhook": "Webhook",
    "url": "URL of a webhook",
    "mail": "E-mail notification",
}


class Ways(Struct, frozen=True):
    """What can be chosen: stored destinations for copies and for webhooks, and mail where the server sends any."""

    copies: Sequence[Destination]
    webhooks: Sequence[Destination]
    mail: bool


def ways(desk: Desk, principal: Principal) -> Ways:
    """What whoever asks can choose."""
    stored = list_destinations(desk.database, principal, before=None, most=_MOST)
    copies, webhooks = ([one for one in stored if one.kind == kind] for kind in ("s3", "webhook"))
    return Ways(copies, webhooks, bool(desk.settings.mail.host))


def deliveries_of(form: RequestForm, base: str, who: str) -> tuple[Delivery, ...]:
    """What a form asks for: webhooks come after the copy. Links begin with `base`, and mail goes to `who`.

    Raises:
        Invalid: there is a prefix, and nothing to put behind it.
    """
    if form.prefix and not form.copy_to:
        raise Invalid("copy_to", "must be chosen, since a prefix is given")
    after = bool(form.copy_to)
    copies = [S3Copy(destination=form.copy_to, prefix=form.prefix)] if form.copy_to else []
    stored = [Webhook(destination=form.webhook, base=base, after_copies=after)] if form.webhook else []
    named = [Webhook(url=form.url, base=base, after_copies=after)] if form.url else []
    return (*copies, *stored, *named, *([Mail(to=(who,))] if form.mail else []))


def at_field(form: RequestForm, error: Invalid) -> str:
    """The field of the form that an error is about; "" if it is none of these."""
    if error.where in LABELS:
        return error.where
    found = _WHERE.match(error.where)
    return _field(deliveries_of(form, "", "")[int(found[1])], found[2]) if found else ""


def _field(asked: Delivery, key: str | None) -> str:
    match asked:
        case S3Copy():
            return "prefix" if key == "prefix" else "copy_to"
        case Webhook():
            return "webhook" if asked.destination else "url"
    return "mail"
