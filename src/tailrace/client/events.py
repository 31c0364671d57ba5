"""`client.events`: events in, with an app's write key."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tailrace.client.calls import Call, Steps
from tailrace.client.documents.events import Accepted
from tailrace.client.methods import Group, Method, R
from tailrace.client.session import Session
from tailrace.model.errors import Invalid


def send_events(
    session: Session, records: Sequence[Mapping[str, Any]], *, sent_at: str | None = None, key: str | None = None
) -> Steps[Accepted]:
    """Send a batch; when this returns, every record that was not rejected is durable.

    The batch says when it was sent, once for all repeats, so that one which arrives twice is stored once even where
    records have no ids.

    Raises:
        Invalid: the client has no write key, and none is given.
    """
    key = key or session.write_key
    if key is None:
        raise Invalid("write_key", "is needed to send events; give it to the client")
    now = sent_at or datetime.now(UTC).isoformat(timespec="milliseconds")
    body = {"batch": list(records), "sent_at": now}
    return session.perform(Call("POST", "/v1/events", Accepted, body=body, authorization=f"Bearer {key}"))


class Events(Group[R]):
    """Events of an app."""

    send = Method(send_events)
