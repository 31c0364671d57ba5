"""Who calls: by the token that a body or a query brings, with the rights that its owner has at this moment."""

from msgspec.structs import replace

from tailrace.accounts.lookup import principal_of_token, scope_in_space
from tailrace.db.engine import Database
from tailrace.model.access import Principal, Scope
from tailrace.model.errors import Unauthorized
from tailrace.surfaces.devtodev.errors import Refused
from tailrace.web.auth import address
from tailrace.web.operations import Call
from tailrace.web.seen import note_caller

CREATE, READ = "exports.create", "exports.read"
_API = "tokens.write"  # the right to have a token is the right to the API


def caller(call: Call, token: str, scope: str) -> Principal:
    """The owner of a token, who must have the right to the API, and through this token to raw data.

    Raises:
        Refused: the token is not known, or a right is missing.
        TooSoon: it comes more often than the limit `requests.burst` allows.
    """
    try:
        found = principal_of_token(call.desk.database, call.desk.identity.secret, token)
    except Unauthorized:
        raise Refused(11, token) from None
    note_caller(call.request.scope, found)
    if _API in found.withheld:
        raise Refused(15)
    if not found.may(scope):
        raise Refused(16)
    return replace(found, address=address(call.request))


def app_of(database: Database, principal: Principal, app_id: str) -> Scope:
    """An app of the caller's space that the caller is granted. One of another space looks as if it did not exist.

    Raises:
        Refused: there is none, or it is not the caller's.
    """
    scope = scope_in_space(database, principal.space, app_id)
    if scope is None:
        raise Refused(6, app_id)
    if not principal.may_see(app_id):
        raise Refused(13, app_id)
    return scope
