"""Judging a page of objects that a listing has shown, by one state of the database.

The page is listed first; then one transaction tells how far the fences have come and what rows name. Nothing can be
committed between the two answers, and what could not be committed then never can be.
"""

from collections.abc import Callable, Collection, Mapping, Sequence

from sqlalchemy import Connection

from tailrace.db.engine import Database
from tailrace.files.base import Listed
from tailrace.model.access import Scope
from tailrace.model.objects import Writer, writer_of
from tailrace.upkeep.fences import Standings, outrun, standings
from tailrace.upkeep.garbage import Reason, judge
from tailrace.upkeep.references import referenced

Page = Sequence[Listed]
Verdicts = Mapping[Reason, Page]
Named = Callable[[Connection, Scope, Collection[str], Collection[str]], Collection[str]]


def verdicts(database: Database, scope: Scope, page: Page, grace_ms: int, *, named: Named = referenced) -> Verdicts:
    """The objects of a page by what becomes of them. `named` tells which ones rows name."""
    writers = {found.key: writer_of(scope, found.key) for found in page}
    known = [writer for writer in writers.values() if writer is not None]
    with database.read() as connection:
        now = database.now(connection)
        standing = standings(connection, scope, known)
        names = named(connection, scope, writers, _closed_exports(known, standing))
    sorted_: dict[Reason, list[Listed]] = {}
    for found in page:
        writer = writers[found.key]
        lease = standing.get((writer.lessee, writer.name)) if writer else None
        reason = judge(found, writer, lease, referenced=found.key in names, now=now, grace_ms=grace_ms)
        sorted_.setdefault(reason, []).append(found)
    return sorted_


def garbage(database: Database, scope: Scope, page: Page, grace_ms: int, *, named: Named = referenced) -> Page:
    """The objects of a page that may be deleted. Fences that nobody holds are raised first where that is in the way."""
    first = verdicts(database, scope, page, grace_ms, named=named)
    waiting = first.get("open", ())
    if waiting:
        outrun(database, scope, [writer for found in waiting if (writer := writer_of(scope, found.key))])
    second = verdicts(database, scope, waiting, grace_ms, named=named) if waiting else {}
    return [*first.get("garbage", ()), *second.get("garbage", ())]


def _closed_exports(writers: Collection[Writer], known: Standings) -> set[str]:
    """Exports some of whose objects go unless a row names them: only their finished slices are worth a look."""
    return {
        writer.name
        for writer in writers
        if writer.lessee == "export"
        and not ((lease := known.get((writer.lessee, writer.name))) and lease.open_for(writer.fence))
    }
