"""Segment's HTTP tracking: batches and single messages as its SDKs, and those made after them, send them."""

from collections.abc import Sequence
from functools import partial

from tailrace.ingest.accept import Outcome
from tailrace.ingest.protocols.base import Answer, Inert, IngestProtocol, Intake, Sent, json_answer
from tailrace.ingest.protocols.segment.bodies import key_of, split_envelope, split_single
from tailrace.ingest.protocols.segment.messages import CALLS, draft
from tailrace.ingest.protocols.segment.script import script
from tailrace.model.errors import TailraceError


def _reply(_sent: Sent, _outcome: Outcome) -> Answer:
    return json_answer({"success": True})


def _settings(sent: Sent) -> Answer:
    """What SDKs of apps and browsers ask before they send: no integration but this server, and no host of it, so that
    they stay with the one that they were given.
    """
    ours = {"apiKey": sent.params["key"], "unbundledIntegrations": [], "maybeBundledConfigIds": {}}
    everything = {"__default": {"enabled": True}}
    plan = {"track": everything, "identify": everything, "group": everything}
    return json_answer({"integrations": {"Segment.io": ours}, "plan": plan, "metrics": {"sampleRate": 0}})


def _refuse(status: int, error: TailraceError) -> Answer:
    """Some SDKs take an answer without `code` and `message` for a broken network, and send for hours."""
    return json_answer({"success": False, "message": str(error), "code": error.code}, status)


def _both(*paths: str) -> Sequence[str]:
    """Paths without and with a slash at the end."""
    return [path + end for path in paths for end in ("", "/")]


SEGMENT = IngestProtocol(
    name="segment",
    key_of=key_of,
    draft=draft,
    intakes=(
        Intake(_both("/v1/batch", "/v1/import", "/v1/b", "/b"), ("POST",), split_envelope, _reply),
        *(
            Intake(_both(f"/v1/{call}", f"/v1/{call[0]}"), ("POST",), partial(split_single, call), _reply)
            for call in CALLS
        ),
    ),
    inert=(
        Inert(_both("/v1/projects/{key}/settings", "/projects/{key}/settings"), ("GET",), _settings),
        Inert(("/tailrace.js",), ("GET",), script),
    ),
    refuse=_refuse,
)
