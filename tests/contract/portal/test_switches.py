"""Switches: events that are blocked, rights that are withheld."""

import re
from html import escape

from tailrace.accounts.lookup import scope_of_app
from tailrace.model.clock import DAY
from tests import sending
from tests.contract.live import READ
from tests.contract.portal.conftest import ADMIN, STANDARD, Portal, Visitor, text_of
from tests.sending import event

EVENTS = "/portal/admin/apps/app_waves/events"
USERS = "/portal/admin/users"


def switches(visitor: Visitor) -> dict[str, str]:
    """The names on a page, and what the button of each does."""
    found = re.findall(r'name="name" value="([^"]*)"><input type="hidden" name="do" value="(\w+)"', visitor.page.text)
    return dict(found)


def blocked(visitor: Visitor, app: str = "app_waves") -> set[str]:
    """The events of an app that are blocked, as the API tells."""
    events = visitor.http.get(f"/v1/apps/{app}/events", params={"limit": 1000}, headers=READ).json()["events"]
    return {one["name"] for one in events if one["blocked"]}


def test_an_event_is_blocked_and_shown_again(portal: Portal) -> None:
    """Of each event that was sent there is a button; a dialect that knows of the switch does not know the event until
    it is shown again, and the audit tells who did it. An event that was never sent is not there.
    """
    visitor = portal.visitor()
    job: dict[str, object] = {"user_token": "tok_ana", "app_id": "app_waves", "events": ["Open"]}
    job |= {"start_date": (portal.today - 3) * DAY // 1000, "end_date": portal.today * DAY // 1000}
    visitor.get(EVENTS)
    assert switches(visitor) == {"Open": "block", "Level Up": "block"}
    said = visitor.send(EVENTS, {"name": "Open", "do": "block"}, 303)
    assert "Open blocked Show again" in said
    assert switches(visitor) == {"Open": "unblock", "Level Up": "block"}
    assert blocked(visitor) == {"Open"}
    answer = visitor.http.post("/api/v1/rawexport/setjob", json=job)
    assert [one["msg"] for one in answer.json()["errors"]] == ["Unknown event: Open"]
    visitor.send(EVENTS, {"name": "Open", "do": "unblock"}, 303)
    assert blocked(visitor) == set()
    assert visitor.http.post("/api/v1/rawexport/setjob", json=job).status_code == 200
    visitor.send(EVENTS, {"name": "Closed", "do": "block"}, 404)
    entries = visitor.http.get("/v1/audit", params={"limit": 20}, headers=READ).json()["entries"]
    done = [(one["action"], one["subject"], one["who"]) for one in entries if one["action"].startswith("event.")]
    assert done == [("event.unblocked", "Open", ADMIN[0]), ("event.blocked", "Open", ADMIN[0])]


def test_many_events_have_pages(portal: Portal) -> None:
    """Each name is on one page; who turns a switch stays on its page, and names are text, whatever is in them."""
    visitor, path = portal.visitor(), "/portal/admin/apps/app_tides/events"
    names = {f"e{n:03}" for n in range(204)} | {'<b> & "q"'}
    scope = scope_of_app(portal.house.database, "app_tides")
    sending.send(portal.house, scope, [event(name, portal.today * DAY - DAY) for name in names])
    sending.seal(portal.house, scope)
    visitor.get(path)
    first = switches(visitor)
    older = re.search(r'href="([^"]+)">Older events', visitor.page.text)
    assert older
    visitor.get(older[1])
    second = switches(visitor)
    assert {*first, *second} == {escape(name).replace("&quot;", "&#34;") for name in names}
    assert not first.keys() & second.keys()
    after = re.search(r'name="after" value="([^"]+)"', visitor.page.text)
    assert after
    name = min(second)
    visitor.send(path, {"name": text_of(name), "do": "block", "after": after[1]}, 303)
    assert switches(visitor) == second | {name: "unblock"}
    assert blocked(visitor, "app_tides") == {text_of(name)}
    visitor.send(path, {"name": "e000", "do": "unblock", "after": "x"}, 400)


def test_who_may_block(portal: Portal) -> None:
    """A standard user sees which events are blocked and has no buttons; what he sends all the same is refused, and the
    events of another space are not there.
    """
    admin, standard = portal.visitor(), portal.visitor(STANDARD)
    assert "Level Up shown" in standard.get(EVENTS)
    assert switches(standard) == {}
    assert "apps.write" in standard.send(EVENTS, {"name": "Open", "do": "block"}, 403)
    assert blocked(admin) == set()
    admin.get(EVENTS)
    for path in ("app_other", "app_absent"):
        theirs = EVENTS.replace("app_waves", path)
        admin.send(theirs, {"name": "Open", "do": "block"}, 404)
        admin.get(theirs, 404)
        admin.get(EVENTS)


def test_rights_are_withheld_and_given_back(portal: Portal) -> None:
    """A checked right is kept from the user and from a token that was made before, from the next request on; a form
    with fewer gives the others back. Who changes the role leaves the rights alone, and who lacks one gives it to
    nobody.
    """
    visitor = portal.visitor()
    visitor.get(USERS)
    form = {"email": "held@example.com", "kind": "programmatic", "role": "admin"}
    visitor.send(USERS, form, 303)
    (path,) = set(re.findall(rf'action="({USERS}/usr_\d+)"', visitor.page.text))
    visitor.send(f"{path}/token:reset", {})
    (token,) = re.findall(r"tok_[\w-]{20,}", visitor.page.text)
    theirs = {"authorization": f"Bearer {token}"}
    body = {"app": "app_waves", "window": {"axis": "available"}}

    def may() -> tuple[int, int]:
        asked = visitor.http.post("/v1/exports:estimate", json=body, headers=theirs)
        return asked.status_code, visitor.http.get("/v1/exports", headers=theirs).status_code

    def shown() -> list[str]:
        return re.findall(r'name="withheld" value="([\w.]+)" checked', visitor.page.text)

    visitor.get(path)
    assert (may(), shown()) == ((200, 200), [])
    visitor.send(f"{path}/withheld", {"withheld": ["exports.create", "exports.read"]}, 303)
    assert (may(), shown()) == ((403, 403), ["exports.create", "exports.read"])
    visitor.send(path, {"role": "admin", "state": "enabled"}, 303)
    assert (may(), shown()) == ((403, 403), ["exports.create", "exports.read"])
    visitor.send(f"{path}/withheld", {"withheld": "exports.create"}, 303)
    assert (may(), shown()) == ((403, 200), ["exports.create"])
    back = visitor.http.post(f"{path}/withheld", data={}, headers=theirs)
    assert back.status_code == 403
    assert "exports.create" in text_of(back.text)
    visitor.send(f"{path}/withheld", {}, 303)
    assert (may(), shown()) == ((200, 200), [])
    visitor.send(f"{path}/withheld", {"withheld": "users.write"}, 400)


def test_who_may_withhold(portal: Portal) -> None:
    """A user without `users.write` is refused, and users of another space are not there."""
    admin, standard = portal.visitor(), portal.visitor(STANDARD)
    assert "users.write" in standard.send(f"{USERS}/usr_1/withheld", {"withheld": "exports.read"}, 403)
    numbers = [user["id"] for user in admin.http.get("/v1/users", headers=READ).json()["users"]]
    (absent,) = {f"usr_{n}" for n in range(1, len(numbers) + 2)} - set(numbers)
    admin.send(f"{USERS}/{absent}/withheld", {"withheld": "exports.read"}, 404)
