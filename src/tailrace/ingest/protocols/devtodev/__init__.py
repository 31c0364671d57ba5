"""devtodev's Data API 2.0: reports on users, in them packages, in them events with a code such as `lu`."""

from tailrace.ingest.accept import Outcome
from tailrace.ingest.protocols.base import Answer, IngestProtocol, Intake, Sent, json_answer
from tailrace.ingest.protocols.devtodev.reading import draft
from tailrace.ingest.protocols.devtodev.splitting import split
from tailrace.model.errors import TailraceError


def key_of(sent: Sent) -> str | None:
    """`appId` of the query."""
    return sent.query.get("appId")


def _reply(_sent: Sent, outcome: Outcome) -> Answer:
    rejected = [{"position": one.place, "reason": one.reason} for one in outcome.rejected]
    return json_answer({"accepted": outcome.submission.accepted, "rejected": rejected})


def _refuse(status: int, error: TailraceError) -> Answer:
    return json_answer({"error_message": str(error), "code": error.code}, status)


DEVTODEV = IngestProtocol(
    name="devtodev",
    key_of=key_of,
    draft=draft,
    intakes=(Intake(("/v2/analytics/report",), ("POST",), split, _reply),),
    inert=(),
    refuse=_refuse,
)
