"""Pins: what unfinished jobs read must stay."""

from typing import get_args

from sqlalchemy import ColumnElement, Connection, and_, func, select

from tailrace.db.tables import jobs, owned
from tailrace.jobs.queue import Lane
from tailrace.model.access import Scope


def not_done() -> ColumnElement[bool]:
    """Jobs that are not finished, said in the columns of the index: finished ones are many, and none is looked at."""
    return and_(jobs.c.lane.in_(get_args(Lane)), jobs.c.state.in_(("ready", "leased")))


def oldest_pin(connection: Connection, scope: Scope) -> int | None:
    """The lowest commit that an unfinished job of an app reads; None if there is no such job.

    What was removed at that commit or before is read by none of them.
    """
    oldest: int | None = connection.scalar(select(func.min(jobs.c.snapshot)).where(owned(jobs, scope), not_done()))
    return oldest
