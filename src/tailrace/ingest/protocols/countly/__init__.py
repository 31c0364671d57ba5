"""Countly's HTTP API: ``/i`` takes one request of a device, ``/i/bulk`` many, as its SDKs send them.

A request says several things at once: a session began or went on, events happened, the user is so and so. Each becomes
a record of its own, together with what the request says of device and place, so that each can be read by itself.
`members` reads requests, `splitting` makes records of them, `reading` makes rows of records, with `device`.
"""

from tailrace.ingest.accept import Outcome
from tailrace.ingest.protocols.base import Answer, Inert, IngestProtocol, Intake, Sent, json_answer
from tailrace.ingest.protocols.countly.reading import draft
from tailrace.ingest.protocols.countly.splitting import key_of, split_bulk, split_request
from tailrace.model.errors import TailraceError, Unauthorized


def _reply(_sent: Sent, _outcome: Outcome) -> Answer:
    return json_answer({"result": "Success"})


def _nothing(sent: Sent) -> Answer:
    """No remote configuration, no widgets."""
    return json_answer({"result": []} if sent.query.get("method") == "feedback" else {})


def _refuse(status: int, error: TailraceError) -> Answer:
    why = "App does not exist" if isinstance(error, Unauthorized) else getattr(error, "why", str(error))
    return json_answer({"result": why}, status)


def _both(path: str) -> tuple[str, str]:
    """A path without and with a slash at the end."""
    return path, f"{path}/"


COUNTLY = IngestProtocol(
    name="countly",
    key_of=key_of,
    draft=draft,
    intakes=(
        Intake(_both("/i"), ("GET", "POST"), split_request, _reply),
        Intake(_both("/i/bulk"), ("GET", "POST"), split_bulk, _reply),
    ),
    inert=(Inert(_both("/o/sdk"), ("GET", "POST"), _nothing),),
    refuse=_refuse,
)
