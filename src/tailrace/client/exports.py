"""`client.exports`: ask for exports, look at them, wait, cancel, repeat."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from tailrace.client.calls import Call, Pause, Steps, query, segment
from tailrace.client.documents.exports import Estimate, Export, ExportPage, ExportRequest, Manifest
from tailrace.client.methods import Group, Listing, Method, R, one
from tailrace.client.problems import WaitTimeout
from tailrace.client.session import Session

_EXPORTS = "/v1/exports"
_HOLD_S = 20  # how long the server is asked to keep its answer: proxies cut what is silent for a minute
_LEAST_S, _MOST_S = 0.1, 1.0  # between two looks, where the server answers at once

Asked = ExportRequest | Mapping[str, Any]
Changed = Callable[[Export], None]


def create_export(request: Asked, *, idempotency_key: str | None = None) -> Call[Export]:
    """Ask for an export. However often this has to be sent, it makes one export: a key of its own says so."""
    headers = {"idempotency-key": idempotency_key or uuid.uuid4().hex}
    return Call("POST", _EXPORTS, Export, body=request, headers=headers)


def get_export(export_id: str, *, wait: int | None = None) -> Call[Export]:
    """State and progress; with `wait` the server may keep its answer for so many seconds until something changes."""
    return Call("GET", _path(export_id), Export, query(wait=wait), patience=wait or 0)


def list_exports(
    after: str | None, /, *, app: str | None = None, state: str | None = None, limit: int | None = None
) -> Call[ExportPage]:
    """Exports, newest first; `limit` is the size of a page."""
    return Call("GET", _EXPORTS, ExportPage, query(app=app, state=state, limit=limit, after=after))


def cancel_export(export_id: str) -> Call[Export]:
    """Cancel an export; one that has ended stays as it is."""
    return Call("DELETE", _path(export_id), Export)


def rerun_export(export_id: str) -> Call[Export]:
    """Ask for the same once more: a new export of the same request."""
    return Call("POST", f"{_path(export_id)}:rerun", Export, repeatable=False)


def estimate_export(request: Asked) -> Call[Estimate]:
    """About how much an export would be, and how long it would take."""
    return Call("POST", f"{_EXPORTS}:estimate", Estimate, body=request)


def get_manifest(export_id: str) -> Call[Manifest]:
    """The manifest of an export that has succeeded; its links are fresh."""
    return Call("GET", f"{_path(export_id)}/manifest", Manifest)


def get_raw_manifest(export_id: str) -> Call[msgspec.Raw]:
    """The manifest byte for byte."""
    return Call("GET", f"{_path(export_id)}/manifest", msgspec.Raw)


def wait_for_export(
    session: Session,
    export_id: str,
    *,
    timeout: float | None = None,
    hold: int = _HOLD_S,
    changed: Changed | None = None,
) -> Steps[Export]:
    """Wait until an export has ended, well or not; it is returned as it is then.

    Args:
        session: the server.
        export_id: which export.
        timeout: how long to wait at most, seconds; None waits for ever.
        hold: how long the server may keep an answer, seconds; `changed` hears of progress that often at least.
        changed: is called with the export after each look.

    Raises:
        WaitTimeout: the time was up.
    """
    begin, pause, seen = session.monotonic(), _LEAST_S, None
    while True:
        asked_at = session.monotonic()
        left = hold if timeout is None else min(hold, max(0, int(begin + timeout - asked_at)))
        export = yield from session.perform(get_export(export_id, wait=left or None))
        if changed is not None:
            changed(export)
        if export.ended:
            return export
        now = session.monotonic()
        if timeout is not None and now - begin >= timeout:
            raise WaitTimeout(export)
        pause = _LEAST_S if export != seen else min(_MOST_S, 2 * pause)
        seen = export
        if (early := pause - (now - asked_at)) > 0:  # it was answered at once
            yield Pause(early)


def _path(export_id: str) -> str:
    return f"{_EXPORTS}/{segment(export_id)}"


class Exports(Group[R]):
    """Exports of the space."""

    create = one(create_export)
    get = one(get_export)
    list = Listing(list_exports)
    wait = Method(wait_for_export)
    cancel = one(cancel_export)
    rerun = one(rerun_export)
    estimate = one(estimate_export)
    manifest = one(get_manifest)
    raw_manifest = one(get_raw_manifest)
