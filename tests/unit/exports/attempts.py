"""Attempts at exports that a test steers: what happens in which slice, and what is left afterwards."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from tailrace import wiring
from tailrace.db.tables import export_parts, jobs
from tailrace.exports import noting
from tailrace.exports.records import Export, load_export
from tailrace.exports.run import run_export
from tailrace.exports.slices import SliceSpec
from tailrace.exports.submit import submit
from tailrace.jobs.queue import Job, claim
from tailrace.model.access import Scope
from tailrace.model.export import ExportRequest, Part
from tailrace.remote import run_slice_here
from tailrace.wiring import House
from tests.sending import in_threads, principal, request

Hook = Callable[[SliceSpec], object]


class Slices:
    """Counts how often each slice is made, and lets something happen when one begins. One is made at a time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: Counter[int] = Counter()
        self.hooks: dict[int, Hook] = {}
        self._make = run_slice_here
        monkeypatch.setattr(wiring, "run_slice_here", self)
        monkeypatch.setattr(noting, "EVERY_S", 0.0)

    def __call__(self, data: str, spec: SliceSpec) -> Part:
        number = int(spec.object[-6:])
        self.made[number] += 1
        hook = self.hooks.pop(number, None)
        if hook is not None:
            hook(spec)
        return self._make(data, spec)


def steered(house: House) -> House:
    """The same store, its slices made one after the other by a thread, and none from a cache."""
    one = in_threads(house, 1)
    made = one.settings.exports.model_copy(update={"cache_bytes": 0})
    return replace(one, settings=one.settings.model_copy(update={"exports": made}))


def ask(house: House, scope: Scope, asked: ExportRequest | None = None) -> Export:
    """Submit an export of everything."""
    return submit(house.submitter(), principal(house, scope), scope, asked or request(scope))


def take(house: House, holder: str = "worker") -> Job:
    """Claim the next job."""
    job = claim(house.database, "export", holder, house.settings.exports.lease_ms)
    assert job is not None
    return job


def run(house: House, job: Job, **changed: Any) -> None:
    """Run a claimed job; `changed` are fields of the runner."""
    with house.runner() as runner:
        run_export(replace(runner, **changed), job)


def attempt(house: House) -> None:
    """Claim the next job and run it."""
    run(house, take(house))


def now(house: House, export: Export) -> Export:
    """An export as it is now."""
    return load_export(house.database, export.scope.space, export.scope.app, export.id)


def job_of(house: House, export: Export) -> Any:
    """The row of its job."""
    with house.database.read() as connection:
        return connection.execute(select(jobs).where(jobs.c.subject == export.id)).one()


def recorded(house: House, export: Export) -> list[int]:
    """Which of its slices have a record."""
    with house.database.read() as connection:
        query = select(export_parts.c.number).where(export_parts.c.export == export.id)
        return sorted(connection.scalars(query))


def objects(house: House, export: Export) -> list[str]:
    """Names of all its objects."""
    folder = house.data / "files" / export.scope.prefix / "exports" / export.id
    return sorted(path.name for path in folder.rglob("*") if path.is_file())
