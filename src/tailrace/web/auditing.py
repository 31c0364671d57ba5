"""What a request tells the audit."""

from starlette.concurrency import run_in_threadpool

from tailrace.accounts.audit import Actor, actor_of, tell
from tailrace.web.auth import address
from tailrace.web.operations import Call


def actor(call: Call) -> Actor:
    """Whoever calls, and from where."""
    return actor_of(call.principal, address(call.request))


async def told(call: Call, action: str, subject: str, *, app: str | None = None) -> None:
    """Note what a call has done, in a transaction of its own: for use cases that do not do so themselves."""
    database = call.desk.database
    await run_in_threadpool(tell, database, actor(call), action, subject, app=app)
