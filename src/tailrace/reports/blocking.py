"""Events of an app by name, and the switch that each has: a blocked one is unknown to dialects that know of it.

Nothing that is stored changes, and other ways out of the server show blocked events as any other.
"""

from tailrace.accounts.audit import Actor, note
from tailrace.db.engine import Database, storable
from tailrace.model.access import Scope
from tailrace.model.errors import NotFound
from tailrace.store.catalogue import KnownEvent, known_events, set_blocked


def list_events(database: Database, scope: Scope, *, before: int | None, most: int) -> list[KnownEvent]:
    """Event names that an app has sent, the newest first."""
    with database.read() as connection:
        return known_events(connection, scope, before=before, most=most)


def block_event(database: Database, scope: Scope, name: str, actor: Actor, *, blocked: bool) -> KnownEvent:
    """Block an event, or let it be seen again.

    Raises:
        NotFound: the app has never sent it.
    """
    if not storable(name):
        raise NotFound("event", name)
    action = "event.blocked" if blocked else "event.unblocked"
    with database.write() as connection:
        changed = set_blocked(connection, scope, name, blocked=blocked)
        if changed is None:
            raise NotFound("event", name)
        note(connection, actor, action, name, database.now(connection), app=scope.app_id)
    return changed
