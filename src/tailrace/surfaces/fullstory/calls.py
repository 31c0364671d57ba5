"""Who calls, for which app, and whether it is not too often."""

from sqlalchemy import Connection

from tailrace.accounts.defaults import app_of_token
from tailrace.accounts.limits import limits_of_token
from tailrace.accounts.quotas import take, take_of_token
from tailrace.db.engine import now_of
from tailrace.model.access import Principal, Scope
from tailrace.model.errors import Forbidden
from tailrace.model.ids import numbered
from tailrace.surfaces.fullstory.policy import NAME

READ = "exports.read"
_DOWNLOADS = "fullstory.downloads_per_minute"


def app_of(connection: Connection, principal: Principal) -> Scope:
    """The app whose bundles a key leads to.

    Raises:
        Forbidden: it is of a user whose role is standard.
        NotFound, Invalid: it sees no app, or several and none of them is the default one.
    """
    if principal.role == "standard":
        raise Forbidden(READ)
    return app_of_token(connection, principal, NAME)


def count_call(connection: Connection, principal: Principal, *, download: bool = False) -> None:
    """Count a call of a key, one by which a download begins as such too; what is refused was not counted.

    Raises:
        TooSoon: it comes more often than it may.
    """
    now = now_of(connection)
    take_of_token(connection, principal.space, NAME, principal.token, now)
    if download:
        _count_download(connection, principal, now)


def _count_download(connection: Connection, principal: Principal, now: int) -> None:
    """The stricter reading of the document, where it is wanted: so many downloads a minute."""
    (most,) = limits_of_token(connection, (_DOWNLOADS,), principal.token)
    take(connection, principal.space, _DOWNLOADS, numbered("tkn", principal.token), most, most, now)
