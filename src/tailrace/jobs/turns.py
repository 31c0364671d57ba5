"""Turns: spaces share a lane by their weights, however many jobs each of them has (stride scheduling).

Each turn takes a stretch of the lane's own time, the shorter the heavier the space, and the space that is least far
goes next. The lane's present is where its latest turn began. A space that comes back begins there: it neither owes
nor hoards what passed while it asked for nothing.
"""

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, and_, case, exists, func, select

from tailrace.db.tables import jobs, lane_turns, spaces
from tailrace.db.upserts import insert_into

STRIDE = 1 << 20  # how much of its lane's time a turn of a space of weight 1 takes
_LOOK_AT = 16  # spaces; the first will do, unless other workers have their hands on all that it has


class Turn(Struct, frozen=True):
    """A space that is to be served."""

    space: int
    weight: int


def due(lane: str, now: int) -> ColumnElement[bool]:
    """Jobs of a lane that may be claimed at an instant (ms), apart from those whose lease has lapsed."""
    return and_(jobs.c.lane == lane, jobs.c.state == "ready", jobs.c.not_before <= now)


def next_turns(connection: Connection, lane: str, now: int) -> list[Turn]:
    """Spaces that wait in a lane, the next one first."""
    ended = func.coalesce(lane_turns.c.ended, 0)
    last = and_(lane_turns.c.lane == lane, lane_turns.c.space == spaces.c.number)
    rows = connection.execute(
        select(spaces.c.number, spaces.c.weight)
        .outerjoin(lane_turns, last)
        .where(exists().where(due(lane, now), jobs.c.space == spaces.c.number))
        .order_by(ended, spaces.c.number)
        .limit(_LOOK_AT)
    )
    return [Turn(row.number, row.weight) for row in rows]


def take_turn(connection: Connection, lane: str, turn: Turn) -> None:
    """Let a space's turn begin, at the lane's present or at the end of its last one, whichever is later."""
    present = connection.scalar(select(func.max(lane_turns.c.began)).where(lane_turns.c.lane == lane)) or 0
    stride = STRIDE // turn.weight
    row = {"lane": lane, "space": turn.space, "began": present, "ended": present + stride}
    began = case((lane_turns.c.ended > present, lane_turns.c.ended), else_=present)
    connection.execute(
        insert_into(connection, lane_turns)
        .values(row)
        .on_conflict_do_update(index_elements=["lane", "space"], set_={"began": began, "ended": began + stride})
    )
