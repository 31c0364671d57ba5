"""`jobs`: what waits, what runs, and how it went."""

from typing import Annotated

import typer
from msgspec.structs import asdict

from tailrace.cli.options import AsJson, Data
from tailrace.cli.output import Output, table
from tailrace.jobs.listing import Listed, list_jobs
from tailrace.model.clock import iso
from tailrace.wiring import open_house

_TIMES = ("created_at", "not_before", "lease_until")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("jobs")(jobs)


def jobs(
    data: Data,
    every: Annotated[bool, typer.Option("--all", help="Show finished jobs too.")] = False,
    before: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Show jobs older than this one: the next page.", min=1)
    ] = None,
    most: Annotated[int, typer.Option("--limit", metavar="N", help="Jobs on a page.", min=1, max=1000)] = 100,
    as_json: AsJson = False,
) -> None:
    """List the jobs that wait or run, of all spaces, newest first."""
    output = Output(as_json=as_json)
    with open_house(data) as house, house.database.read() as connection:
        found = list_jobs(connection, unfinished=not every, before=before, limit=most)
        now = house.database.now(connection)
    output.document([asdict(job) | {name: iso(getattr(job, name)) for name in _TIMES} for job in found])
    head = ("number", "lane", "state", "space", "app", "subject", "age", "failures", "worker", "error")
    output.show(table(head, [_row(job, now) for job in found]))


def _row(job: Listed, now: int) -> tuple[int | str, ...]:
    state = job.outcome or (f"{job.state}, to be cancelled" if job.cancel else job.state)
    return (
        str(job.number),
        job.lane,
        state,
        job.space,
        job.app,
        job.subject,
        _age(now - job.created_at),
        job.failures,
        job.holder or "",
        job.error or "",
    )


def _age(ms: int) -> str:
    """About how long, in the largest unit that fits twice."""
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000)):
        if ms >= 2 * size:
            return f"{ms // size} {unit}"
    return f"{max(ms, 0) // 1000} s"
