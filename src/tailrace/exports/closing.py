"""Closing bundles: when one is due its commit is fixed under the lock of the app's head, and its export is queued.

Everything happens in one transaction, so a process may die anywhere, and several may try at once: who comes second
finds nothing due. From the row of a bundle on, what is in it is fixed; its file is an export like any other.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, Row, exists, func, insert, or_, select, update

from tailrace.accounts.limits import limits_now
from tailrace.accounts.lookup import scope_of_number
from tailrace.db.engine import Database
from tailrace.db.tables import bundle_series, bundles, exports, owned, owner, segments
from tailrace.exports.bundles import MAKING, nothing
from tailrace.exports.records import insert_export
from tailrace.exports.submit import new_export
from tailrace.jobs.bell import Bell
from tailrace.jobs.queue import enqueue
from tailrace.logs import log
from tailrace.model.access import Scope
from tailrace.model.bundles import Recipe, Schedule, Terms, beginning, end_of
from tailrace.model.clock import MINUTE
from tailrace.model.export import ExportRequest
from tailrace.model.ids import Ids
from tailrace.model.points import point
from tailrace.model.window import Window
from tailrace.store.snapshots import head, lock_head, touching

_AT_ONCE = 200  # bundles that are closed in one transaction, which holds the app's head
_AGAIN_MS = 10 * MINUTE  # after a bundle's export failed it is made anew
_PRIORITY = -1  # of jobs of bundles: somebody waits for what was asked for


class Closer(Struct, frozen=True):
    """What closing needs; `schedules` are those of all dialects."""

    database: Database
    ids: Ids
    schedules: Sequence[Schedule]


def close_due(closer: Closer, bell: Bell) -> int:
    """Close every bundle that is due, of all apps; how many."""
    total = 0
    for schedule in closer.schedules:
        with closer.database.read() as connection:
            rows = connection.execute(_series(schedule)).all()
        for row in rows:
            scope = scope_of_number(closer.database, row.space, row.app)
            while closed := _close_some(closer, scope, schedule):
                total += closed
                bell.ring()
    return total


def _series(schedule: Schedule) -> Any:
    return select(bundle_series).where(bundle_series.c.series == schedule.series).order_by(bundle_series.c.app)


def _close_some(closer: Closer, scope: Scope, schedule: Schedule) -> int:
    """Close some bundles of an app, the oldest first, and begin anew those that failed; how many."""
    if not _anything(closer.database, scope, schedule):
        return 0
    with closer.database.write() as connection:
        upto = lock_head(connection, scope, not_before=0).seq  # whoever else closes waits here
        terms = schedule.terms(limits_now(connection))
        work = _Work(closer, connection, scope, schedule, terms, closer.database.now(connection))
        row = work.begun()
        closed = 0
        while row is not None and row.closes + terms.settle_ms <= work.now and closed < _AT_ONCE:
            row = work.close(row, upto)
            closed += 1
        again = work.make_again(upto)
        point("bundles.before_commit")
    if closed:
        log.info("bundles.closed", app=scope.app_id, bundles=closed, seq=upto)
    return closed + again


def _anything(database: Database, scope: Scope, schedule: Schedule) -> bool:
    """Whether anything is due: nobody is kept from committing for a look in vain."""
    with database.read() as connection:
        now = database.now(connection)
        row = connection.execute(_row(scope, schedule)).one()
        if row.began is None:
            return head(connection, scope).seq > 0
        terms, failed = schedule.terms(limits_now(connection)), _failed(scope, schedule, now)
        return row.closes + terms.settle_ms <= now or connection.execute(failed.limit(1)).first() is not None


class _Work(Struct, frozen=True):
    """One transaction on the series of an app, which holds its head."""

    closer: Closer
    connection: Connection
    scope: Scope
    schedule: Schedule
    terms: Terms
    now: int

    def begun(self) -> Row[Any] | None:
        """The series; it begins as soon as the app has an event. None before that."""
        row = self.connection.execute(_row(self.scope, self.schedule)).one()
        if row.began is not None:
            return row
        mine = owned(segments, self.scope)
        earliest = self.connection.scalar(select(func.min(segments.c.min_time)).where(mine))
        if earliest is None:
            return None
        began = beginning(earliest, self.now, self.terms)
        return self._set(began=began, opens=began, closes=end_of(began, self.terms.width_ms))

    def close(self, row: Row[Any], upto: int) -> Row[Any]:
        """Close the open bundle at a commit; the series as it is then. The next one has the width of today."""
        recipe = Recipe(row.opens, row.closes, row.seq, upto)
        values: dict[str, Any] = {
            "start": recipe.start,
            "stop": recipe.stop,
            "after_seq": recipe.after,
            "upto_seq": recipe.upto,
        }
        if self._may_hold(recipe):
            values |= {"state": MAKING, "export": self._queue(recipe, row.token, upto)}
        else:
            values |= nothing(self.now + self.terms.life_ms)
        named = owner(self.scope) | {"series": self.schedule.series}
        self.connection.execute(insert(bundles).values(named | values))
        return self._set(opens=recipe.stop, closes=end_of(recipe.stop, self.terms.width_ms), seq=upto)

    def make_again(self, snapshot: int) -> int:
        """Queue a new export for each bundle whose last one failed some time ago: the same recipe, read at the newest
        commit, which holds what it held before.
        """
        rows = self.connection.execute(_failed(self.scope, self.schedule, self.now)).all()
        token = self.connection.execute(_row(self.scope, self.schedule)).one().token
        for row in rows:
            export = self._queue(Recipe(row.start, row.stop, row.after_seq, row.upto_seq), token, snapshot)
            mine = owned(bundles, self.scope), bundles.c.number == row.number
            self.connection.execute(update(bundles).where(*mine).values(export=export))
        return len(rows)

    def _may_hold(self, recipe: Recipe) -> bool:
        """Whether a segment leaves room for an event of it."""
        seen = (
            segments.c.added_seq <= recipe.upto,
            or_(segments.c.removed_seq.is_(None), segments.c.removed_seq > recipe.upto),
        )
        window = Window("event_time", None, recipe.stop)
        query = exists().where(owned(segments, self.scope), *seen, *touching(window, recipe.arrivals))
        return bool(self.connection.scalar(select(query)))

    def _queue(self, recipe: Recipe, token: int, snapshot: int) -> str:
        request = ExportRequest(
            app=self.scope.app_id,
            window=Window("event_time", None, recipe.stop),
            json_array=True,
            row_shape=self.terms.rows,
            keep_empty=True,
            file_life_ms=self.terms.life_ms,
            arrivals=recipe.arrivals,
        )
        export = new_export(self.closer.ids.new("exp", self.now), self.scope, request, self.now)
        export = replace(export, ahead=True, snapshot=snapshot, complete_through=self.now)
        insert_export(self.connection, export, token)
        enqueue(self.connection, "export", self.scope, export.id, self.now, priority=_PRIORITY, snapshot=snapshot)
        return export.id

    def _set(self, **values: int) -> Row[Any]:
        mine = owned(bundle_series, self.scope), bundle_series.c.series == self.schedule.series
        changed = update(bundle_series).where(*mine).values(values).returning(bundle_series)
        return self.connection.execute(changed).one()


def _row(scope: Scope, schedule: Schedule) -> Any:
    return select(bundle_series).where(owned(bundle_series, scope), bundle_series.c.series == schedule.series)


def _failed(scope: Scope, schedule: Schedule, now: int) -> Any:
    """Bundles whose exports ended without a file long enough ago."""
    ended = exports.c.state.in_(("failed", "cancelled")), exports.c.finished_at <= now - _AGAIN_MS
    query = select(bundles).join(exports, exports.c.id == bundles.c.export)
    mine = owned(bundles, scope), bundles.c.series == schedule.series, bundles.c.state == MAKING
    return query.where(*mine, *ended).order_by(bundles.c.stop)
