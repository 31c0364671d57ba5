"""A look at what upkeep has to do, for the operator. It changes nothing, and it is bounded."""

from collections.abc import Collection
from itertools import islice
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Select, func, select

from tailrace.db.engine import Database
from tailrace.db.tables import exports, jobs, owned
from tailrace.files.base import Files, Listed
from tailrace.jobs.pins import oldest_pin
from tailrace.model.access import Scope
from tailrace.upkeep.judging import verdicts
from tailrace.upkeep.sweep import pages

MOST = 20_000  # objects that are looked at


class Objects(Struct, frozen=True):
    """What a listing shows: how many objects were looked at and whether those were all, how many of them no row names,
    and how many are not named as this release names them. Sizes in bytes.
    """

    seen: int
    all: bool
    unreferenced: int
    unreferenced_bytes: int
    unknown: int
    unknown_bytes: int


class Waiting(Struct, frozen=True):
    """What jobs and exports of an app wait for. `failing` are jobs that failed since they last went well; `past_life`
    are exports that are to expire, `overdue` those of them for which a sweep is late.
    """

    oldest_pin: int | None
    failing: int
    last_error: str | None
    past_life: int
    overdue: int


def survey_objects(database: Database, files: Files, scope: Scope, most: int = MOST) -> Objects:
    """Look through an app's objects, at most so many."""
    unreferenced: list[Listed] = []
    unknown: list[Listed] = []
    seen = 0
    listed = iter(files.list(scope.prefix))
    for page in pages(islice(listed, most)):
        seen += len(page)
        found = verdicts(database, scope, page, 0)
        unreferenced += [*found.get("garbage", ()), *found.get("open", ()), *found.get("young", ())]
        unknown += found.get("unknown", ())
    rest = next(listed, None)
    return Objects(seen, rest is None, len(unreferenced), _bytes(unreferenced), len(unknown), _bytes(unknown))


def survey_jobs(connection: Connection, scope: Scope, now: int, late: int) -> Waiting:
    """What is waiting and what is failing now (ms). What should have expired before `late` is overdue."""
    failing = owned(jobs, scope), jobs.c.state != "done", jobs.c.failures + jobs.c.outages > 0
    error = select(jobs.c.error).where(*failing).order_by(jobs.c.number.desc()).limit(1)
    mine = owned(exports, scope), exports.c.state == "succeeded"
    over = select(func.count()).select_from(exports).where(*mine, exports.c.expires_at <= now)
    return Waiting(
        oldest_pin(connection, scope),
        _count(connection, select(func.count()).select_from(jobs).where(*failing)),
        connection.scalar(error),
        _count(connection, over),
        _count(connection, over.where(exports.c.expires_at <= late)),
    )


def _count(connection: Connection, query: Select[Any]) -> int:
    return connection.scalar(query) or 0


def _bytes(found: Collection[Listed]) -> int:
    return sum(one.bytes for one in found)
