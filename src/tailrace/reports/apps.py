"""The apps that a caller may have reports of."""

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import select

from tailrace.accounts.apps import KEYS_SCOPE
from tailrace.db.engine import Database
from tailrace.db.tables import apps, spaces
from tailrace.model.access import Principal, Scope


class ReportedApp(Struct, frozen=True):
    """An app with its name and API key; whether the caller may see the key."""

    scope: Scope
    name: str
    api_key: str
    shown: bool


def reported_apps(database: Database, principal: Principal) -> Sequence[ReportedApp]:
    """The apps of the caller's space that its token is granted, in order of their numbers."""
    query = select(apps, spaces.c.id.label("space_id")).join(spaces, spaces.c.number == apps.c.space)
    with database.read() as connection:
        rows = connection.execute(query.where(apps.c.space == principal.space).order_by(apps.c.number)).all()
    shown = principal.may(KEYS_SCOPE)
    return [
        ReportedApp(Scope(row.space, row.number, row.space_id, row.id), row.name, row.api_key or "", shown)
        for row in rows
        if principal.may_see(row.id)
    ]
