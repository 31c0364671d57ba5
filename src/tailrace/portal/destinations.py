"""Admin > Destinations: buckets and webhooks that the space keeps under a name, so that requests need no secrets."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import msgspec
from starlette.responses import Response

from tailrace.delivery.destinations import WRITE, delete_destination, list_destinations, make_destination
from tailrace.model.delivery import Delivery, S3Copy, Webhook
from tailrace.model.errors import Invalid, NotFound, TailraceError, Unavailable
from tailrace.portal.errors import Told, told, told_at
from tailrace.portal.pages import PAGE, seen, sends, show
from tailrace.web.auditing import actor
from tailrace.web.forms import Form
from tailrace.web.operations import Call, Operation

ALL = "/portal/admin/destinations"
_MOST = 1000
_TEXT = msgspec.Meta(max_length=10_000)
# Fields of the form by what it calls them.
LABELS: Mapping[str, str] = {
    "name": "Name, which stays",
    "bucket": "Bucket",
    "prefix": "Prefix of keys",
    "endpoint": "Endpoint, if not AWS",
    "region": "Region",
    "access_key_id": "Access key id",
    "secret_access_key": "Secret access key",
    "url": "URL",
    "secret": "Signing key, if not that of the space",
}


class DestinationForm(Form):
    """A new destination: a bucket, or a webhook."""

    kind: Literal["s3", "webhook"] = "s3"
    name: Annotated[str, _TEXT] = ""
    bucket: Annotated[str, _TEXT] = ""
    prefix: Annotated[str, _TEXT] = ""
    endpoint: Annotated[str, _TEXT] = ""
    region: Annotated[str, _TEXT] = ""
    access_key_id: Annotated[str, _TEXT] = ""
    secret_access_key: Annotated[str, _TEXT] = ""
    url: Annotated[str, _TEXT] = ""
    secret: Annotated[str, _TEXT] = ""


def get_destinations_page(call: Call) -> Response:
    """The destinations, without their secrets."""
    return _list(call, DestinationForm())


def send_destination(call: Call) -> Response:
    """Keep a target under a name; the list shows it."""
    desk, form = call.desk, call.body
    try:
        make_destination(
            desk.database,
            desk.submitter.reception,
            call.principal,
            form.name,
            _target(form),
            actor(call),
        )
    except (NotFound, Unavailable):
        raise
    except TailraceError as error:
        return _list(call, form, _told(form, error))
    return seen(ALL)


def send_destination_delete(call: Call) -> Response:
    """Forget a destination and its secrets; deliveries to it that have not ended fail."""
    delete_destination(call.desk.database, call.principal, call.path("name"), actor(call))
    return seen(ALL)


def _target(form: DestinationForm) -> Delivery:
    if form.kind == "webhook":
        return Webhook(url=form.url, secret=form.secret)
    return S3Copy(
        bucket=form.bucket,
        prefix=form.prefix,
        endpoint=form.endpoint,
        region=form.region,
        access_key_id=form.access_key_id,
        secret_access_key=form.secret_access_key,
    )


def _told(form: DestinationForm, error: TailraceError) -> Told:
    """Why a form was not taken, and at which field."""
    if not isinstance(error, Invalid):
        return told(error)
    return told_at(error.where.removeprefix("target."), LABELS, error, form.kind)


def _list(call: Call, form: DestinationForm, refused: Told | None = None) -> Response:
    """What was typed is on the page again, secrets excepted."""
    database, status = call.desk.database, refused.status if refused else 200
    kept = list_destinations(database, call.principal, before=None, most=_MOST)
    bare = msgspec.structs.replace(form, secret_access_key="", secret="")
    return show(call, "destinations.html", "destinations", status, kept=kept, form=bare, refused=refused, labels=LABELS)


OPERATIONS: Sequence[Operation] = (
    Operation("GET", ALL, get_destinations_page, {200: PAGE}, scope="exports.create"),
    sends(ALL, send_destination, scope=WRITE, form=DestinationForm, errors=(403, 409)),
    sends(f"{ALL}/{{name}}:delete", send_destination_delete, scope=WRITE, errors=(403, 404)),
)
