"""Users of an app: found by an id, looked at on a card, and what of them can be set.

A card's address has the hash of the actor, as the audit does, so no log of paths tells who was looked at.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from starlette.responses import Response

from tailrace.accounts.apps import find_app
from tailrace.accounts.lookup import scope_for
from tailrace.ingest.editing import look_up, set_profile
from tailrace.model.access import Scope
from tailrace.model.errors import Invalid, NotFound
from tailrace.model.fields import FIELDS
from tailrace.portal.errors import told
from tailrace.portal.explore import APP
from tailrace.portal.pages import PAGE, SENT, seen, sends, show
from tailrace.portal.traits import AttributeForm, ProfileForm, attribute_of, change_of, form_of
from tailrace.reports.people import MOST, find_people, trace
from tailrace.web.auditing import actor
from tailrace.web.operations import Call, Operation

PEOPLE = f"{APP}/people"
PERSON = f"{PEOPLE}/{{actor}}"
_KEY = re.compile("[0-9a-f]{32}")
_ACQUISITION = frozenset(name for name in FIELDS if name.startswith("source_") or name == "install_source")
_Change = Callable[[], Mapping[str, Any]]


class PeopleQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Whom to look for: a device or anonymous id, a user id, or a number of exports."""

    who: str = ""


def get_people(call: Call) -> Response:
    """Users by an id; the card of the only one follows at once."""
    return _find(call)


def get_person(call: Call) -> Response:
    """What is known of a user."""
    return _card(call)


def send_profile(call: Call) -> Response:
    """Set what is known of a user, or take it back; the card shows it."""
    form = call.body
    return _set(call, lambda: change_of(form), {"form": form})


def send_attribute(call: Call) -> Response:
    """Set an attribute of a user, or take it back; the card shows it."""
    form = call.body
    return _set(call, lambda: attribute_of(form), {"attribute": form})


def _find(call: Call) -> Response:
    database, who = call.desk.database, call.query.who.strip()
    app = find_app(database, call.principal, call.path("id"))
    found = find_people(database, _scope(call), who) if who else ()
    if len(found) == 1:
        return seen(PERSON.format(id=app.id, actor=found[0].actor.hex()))
    return show(call, "people.html", "explore", app=app, who=who, found=found, most=MOST)


def _set(call: Call, change: _Change, typed: Mapping[str, Any]) -> Response:
    """Set something of a user who has a card. Where it cannot be, the card says so and keeps what was typed."""
    database, key, scope = call.desk.database, _key(call), _scope(call)
    look_up(database, scope, key)
    try:
        if wanted := change():
            set_profile(database, scope, key, wanted, actor(call))
    except Invalid as error:
        return _card(call, error, **typed)
    return seen(PERSON.format(id=call.path("id"), actor=key.hex()))


def _card(call: Call, wrong: Invalid | None = None, **typed: Any) -> Response:
    desk, key, scope = call.desk, _key(call), _scope(call)
    known = look_up(desk.database, scope, key)
    refused = told(wrong) if wrong else None
    values = {
        "app": find_app(desk.database, call.principal, call.path("id")),
        "key": key.hex(),
        "known": known,
        "trace": trace(desk.database, desk.files, scope, key, sessions=call.principal.may("exports.read")),
        "acquisition": _ACQUISITION,
        "form": form_of(known.set),
        "attribute": AttributeForm(),
        "refused": refused,
        "wrong": {wrong.where: wrong.why} if wrong else {},
    }
    return show(call, "person.html", "explore", refused.status if refused else 200, **values | typed)


def _scope(call: Call) -> Scope:
    return scope_for(call.desk.database, call.principal, call.path("id"))


def _key(call: Call) -> bytes:
    """The hash of the actor whose card it is."""
    text = call.path("actor")
    if not _KEY.fullmatch(text):
        raise NotFound("user", text)
    return bytes.fromhex(text)


OPERATIONS: Sequence[Operation] = (
    Operation(
        "GET",
        PEOPLE,
        get_people,
        {200: PAGE, 303: SENT},
        scope="profiles.read",
        query=PeopleQuery,
        errors=(404,),
    ),
    Operation("GET", PERSON, get_person, {200: PAGE}, scope="profiles.read", errors=(404,)),
    sends(PERSON, send_profile, scope="profiles.write", form=ProfileForm, errors=(404,)),
    sends(f"{PERSON}/attributes", send_attribute, scope="profiles.write", form=AttributeForm, errors=(404,)),
)
