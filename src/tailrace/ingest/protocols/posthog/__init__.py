"""PostHog's capture, as its SDKs for servers, phones and browsers, new and old, send to it."""

from collections.abc import Sequence

import msgspec

from tailrace.ingest.accept import Outcome
from tailrace.ingest.protocols.base import Answer, Inert, IngestProtocol, Intake, Method, Sent, json_answer
from tailrace.ingest.protocols.posthog.bodies import key_of, mine, split
from tailrace.ingest.protocols.posthog.events import draft
from tailrace.model.errors import TailraceError


def _reply(_sent: Sent, _outcome: Outcome) -> Answer:
    return json_answer({"status": "Ok"})


def _results(_sent: Sent, _outcome: Outcome) -> Answer:
    """An event that no result names was taken."""
    return json_answer({"results": {}})


_CONFIG = {
    "supportedCompression": ["gzip", "gzip-js"],
    "hasFeatureFlags": False,
    "sessionRecording": False,
    "capturePerformance": False,
    "captureDeadClicks": False,
    "autocapture_opt_out": False,
    "autocaptureExceptions": False,
    "heatmaps": False,
    "surveys": False,
    "defaultIdentifiedOnly": True,
    "elementsChainAsString": True,
    "siteApps": [],
    "toolbarParams": {},
    "isAuthenticated": False,
}
_NO_FLAGS = {"flags": {}, "featureFlags": {}, "featureFlagPayloads": {}, "errorsWhileComputingFlags": False}


def _flags(_sent: Sent) -> Answer:
    return json_answer(_CONFIG | _NO_FLAGS)


def _config(sent: Sent) -> Answer:
    return json_answer({"token": sent.params["key"]} | _CONFIG)


def _config_script(sent: Sent) -> Answer:
    key = msgspec.json.encode(sent.params["key"])
    config = msgspec.json.encode({"config": {"token": sent.params["key"]} | _CONFIG, "siteApps": []})
    script = b"(window._POSTHOG_REMOTE_CONFIG = window._POSTHOG_REMOTE_CONFIG || {})[%b] = %b;\n" % (key, config)
    return Answer(200, script, "application/javascript", {"x-content-type-options": "nosniff"})


def _refuse(status: int, error: TailraceError) -> Answer:
    kind = "authentication_error" if status == 401 else "validation_error" if status < 429 else "server_error"
    return json_answer({"type": kind, "code": error.code, "detail": str(error), "attr": None}, status)


_ASKED: Sequence[Method] = ("GET", "POST")
POSTHOG = IngestProtocol(
    name="posthog",
    key_of=key_of,
    draft=draft,
    intakes=(
        Intake(("/batch", "/batch/", "/i/v0/ai/batch/"), ("POST",), split, _reply, mine),
        Intake(("/capture", "/capture/", "/e", "/e/", "/i/v0/e", "/i/v0/e/"), _ASKED, split, _reply),
        Intake(("/i/v1/analytics/events",), ("POST",), split, _results),
    ),
    inert=(
        Inert(("/flags", "/flags/", "/decide", "/decide/"), _ASKED, _flags),
        Inert(("/array/{key}/config",), ("GET",), _config),
        Inert(("/array/{key}/config.js",), ("GET",), _config_script),
    ),
    refuse=_refuse,
)
