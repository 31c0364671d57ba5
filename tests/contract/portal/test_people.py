"""Users of an app: found by their ids, looked at, and what is set of them."""

import html
import re
from collections.abc import Sequence
from typing import Any

import pytest

from tailrace.accounts.lookup import scope_of_app
from tailrace.model.clock import DAY, iso
from tailrace.model.hashing import actor_hash
from tests import sending
from tests.contract.live import READ
from tests.contract.portal.conftest import ADMIN, STANDARD, Portal, Visitor, text_of
from tests.sending import Row, event

APP = "app_tides"
PEOPLE = f"/portal/explore/{APP}/people"
API = f"/v1/apps/{APP}/profiles"


def card(actor: str, app: str = APP) -> str:
    """The address of a user's card."""
    return f"/portal/explore/{app}/people/{actor_hash(app, actor).hex()}"


def sealed(portal: Portal, records: Sequence[Row], app: str = APP) -> None:
    """Events as they stand in a store."""
    scope = scope_of_app(portal.house.database, app)
    sending.send(portal.house, scope, records)
    sending.seal(portal.house, scope)


def find(visitor: Visitor, who: str) -> str:
    """Look for an id by the form; what the page says that follows."""
    visitor.get(PEOPLE)
    visitor.page = visitor.http.get(PEOPLE, params={"who": who}, follow_redirects=True)
    assert visitor.page.status_code == 200, who
    return text_of(visitor.page.text)


def shown(visitor: Visitor) -> dict[str, str]:
    """What the form of the card that is open says was set when it was shown."""
    (text,) = re.findall(r'name="shown" value="([^"]*)"', visitor.page.text)
    return {"shown": html.unescape(text)}


def known(visitor: Visitor, actor: str) -> dict[str, Any]:
    """What the API knows of a user."""
    answer = visitor.http.get(API, params={"actor": actor}, headers=READ)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_user_is_found_by_every_id(portal: Portal) -> None:
    """By device and by a user id alone the card follows at once, by a user id with devices each of them is a row, also
    one who is somebody else by now; aliases bring along whom they joined, the number of exports finds its user, and
    ids of another app or none find nobody.
    """
    visitor, now = portal.visitor(), portal.today * DAY - DAY
    sealed(portal, [event("e", now, device="phone", user_id="u/7"), event("e", now, device="pad", user_id="u/7")])
    sealed(portal, [event("e", now + DAY // 2, device="pad", session="s2", user_id="next")])
    alone = event("e", now, device="", user_id="solo") | {"device_id": None}
    sealed(
        portal, [alone, event("a", now + 1, device="anon", user_id="solo", kind="alias", params={"previous_id": "old"})]
    )
    for who in ("phone", " phone "):
        find(visitor, who)
        assert visitor.page.url.path == card("phone")
    found = find(visitor, "u/7")
    links = re.findall(rf'href="({PEOPLE}/\w+)"', visitor.page.text)
    assert sorted(links) == sorted([card("phone"), card("pad")])
    assert "next …" in found
    assert "u/7 …" in found
    find(visitor, "solo")
    assert sorted(re.findall(rf'href="({PEOPLE}/\w+)"', visitor.page.text)) == sorted([card("solo"), card("anon")])
    number = known(visitor, "phone")["number"]
    find(visitor, str(number))
    assert visitor.page.url.path == card("phone")
    for nobody in ("d0", "phon", "u/", "0", "%", "\0", "<b>x"):
        assert "Nobody has this id" in find(visitor, nobody), nobody
        assert "<b>x" not in visitor.page.text


def test_the_card_tells_what_was_sent(portal: Portal) -> None:
    """Ids, flags, level, segments and attributes, how much there was and when, where the user came from, and the latest
    sessions, each as it was sent; in an export the user has the same number.
    """
    visitor, now = portal.visitor(), portal.today * DAY - 5 * DAY
    profile = {"name": "Ana B", "level": 7, "is_tester": True, "segments": ["x", "y"], "attributes": {"plan": ["a", 1]}}
    place = {"country": "NZ", "source_campaign": "spring", "device_ids": {"idfa": "A-1"}}
    first = [event("e", now + n * 60_000, device="of-ana", session="one", user_id="ana") for n in range(3)]
    second = [event("e", now + DAY, device="of-ana", session="two", profile=profile) | {"session": place}]
    sealed(portal, [*first, *second])
    said = visitor.get(card("of-ana"))
    assert "Ana B Tester" in said
    assert "Events 4 Sessions 2 Time in sessions 2 minutes" in said
    for title, text in {
        "User id": "ana",
        "Device or anonymous id": "of-ana",
        "Level": "7",
        "Segments": "x, y",
        "source_campaign": "spring",
        "country": "NZ",
        "device_ids": '{"idfa":"A-1"}',
    }.items():
        assert f"{title} {text} " in said, title
    assert 'plan ["a",1]' in said
    assert " set " not in said.partition("Set an attribute")[0]
    shown = re.findall(r'<time datetime="([^"]+)"', visitor.page.text)
    ends = [iso(now), iso(now + DAY)]
    assert shown == [*ends, iso(now + DAY), iso(now + DAY), iso(now), iso(now + 120_000)]
    assert said.index(" two") < said.index(" one")
    scope = scope_of_app(portal.house.database, APP)
    asked = sending.request(scope, columns=("device_id", "user_number"))
    _, rows = sending.export(sending.in_threads(portal.house), scope, asked)
    (number,) = {row["user_number"] for row in rows if row.get("device_id") == "of-ana"}
    assert f"user_number of exports {number} " in said


def test_what_is_set_is_what_the_api_tells(portal: Portal) -> None:
    """Each field of the form stands over what senders say until it is emptied; what is left as it was is no change, so
    what somebody else has set meanwhile stays, and a form without any is no commit. The audit tells who did it.
    """
    visitor, now = portal.visitor(), portal.today * DAY - DAY
    sealed(portal, [event("e", now, device="set", profile={"name": "Said", "level": 1, "attributes": {"a": 1}})])
    visitor.get(card("set"))
    form = {"name": "Bo", "level": "12", "birth_year": "1990", "is_cheater": "yes", "is_paying": "no"}
    form |= {
        "segments": "beta\r\n\r\n big ones ",
        "registered_at": "2026-01-02T03:04:05Z",
        "email": "",
        "is_tester": "",
    }
    said = visitor.send(card("set"), form | shown(visitor), 303)
    own = {
        "name": "Bo",
        "level": 12,
        "birth_year": 1990,
        "is_cheater": True,
        "is_paying": False,
        "segments": ["beta", "big ones"],
        "registered_at": "2026-01-02T03:04:05Z",
    }
    told = known(visitor, "set")
    assert (told["set"], told["profile"]) == (own, own | {"attributes": {"a": 1}})
    assert "Level 12 set" in said
    assert "Segments beta, big ones set" in said
    visitor.send(card("set"), form | shown(visitor), 303)
    assert known(visitor, "set")["seq"] == told["seq"]
    visitor.send(card("set"), {"name": "Bo", "is_cheater": "no"} | shown(visitor), 303)
    told = known(visitor, "set")
    assert told["set"] == {"name": "Bo", "is_cheater": False}
    assert told["profile"]["level"] == 1
    visitor.http.patch(API, json={"actor": "set", "set": {"phone": "+1"}}, headers=READ).raise_for_status()
    visitor.send(card("set"), {"name": "Di", "is_cheater": "no"} | shown(visitor), 303)
    assert known(visitor, "set")["set"] == {"name": "Di", "is_cheater": False, "phone": "+1"}
    visitor.send(card("set"), {"name": "X", "shown": "[]"}, 400)
    entries = visitor.http.get("/v1/audit", params={"action": "profile.set"}, headers=READ).json()["entries"]
    mine = [one for one in entries if card("set").endswith(one["subject"])]
    assert [(one["who"], one["app"]) for one in mine] == [(ADMIN[0], APP)] * 4
    visitor.get("/portal/admin/audit?action=profile.set")
    assert f'href="{card("set")}"' in visitor.page.text


def test_attributes_are_set_one_by_one(portal: Portal) -> None:
    """JSON is kept as what it is and all else as text; taken back, what senders say counts again."""
    visitor, now = portal.visitor(), portal.today * DAY - DAY
    sealed(portal, [event("e", now, device="attr", profile={"attributes": {"plan": "free", "n": 1}})])
    visitor.get(card("attr"))
    for name, text in (("plan", "paid up"), ("n", "5"), ("t", '"5"'), ("l", '["a", {"b": null}]'), ("<i>", "Tr<ue")):
        visitor.send(f"{card('attr')}/attributes", {"attribute": name, "value": text}, 303)
    own = {"plan": "paid up", "n": 5, "t": "5", "l": ["a", {"b": None}], "<i>": "Tr<ue"}
    assert known(visitor, "attr")["profile"]["attributes"] == own
    assert "<i>" not in visitor.page.text
    back = re.findall(r'<input type="hidden" name="attribute" value="(\w+)">', visitor.page.text)
    assert sorted(back) == ["l", "n", "plan", "t"]
    visitor.send(f"{card('attr')}/attributes", {"attribute": "plan"}, 303)
    assert known(visitor, "attr")["profile"]["attributes"] == own | {"plan": "free"}


@pytest.mark.parametrize(
    ("where", "form", "field"),
    [
        ("", {"name": "Typed", "level": "seven"}, "level"),
        ("", {"name": "Typed", "birth_year": "9" * 19}, "birth_year"),
        ("", {"name": "Typed", "registered_at": "2026-01-02T03:04:05"}, "registered_at"),
        ("/attributes", {"value": "Typed"}, "attribute"),
        ("/attributes", {"attribute": "Typed", "value": "x" * 9_999}, None),
    ],
)
def test_what_cannot_be_stays_at_its_field(portal: Portal, where: str, form: dict[str, str], field: str | None) -> None:
    """It is refused on the card, at its field with what was typed in it and in all others, and nothing is set; so is
    what would be too much in all.
    """
    visitor = portal.visitor()
    for n in range(3):  # together with a fourth it is too long
        change = {"attributes": {f"a{n}": "x" * 9_999}}
        visitor.http.patch(API, json={"actor": "wrong", "set": change}, headers=READ).raise_for_status()
    visitor.get(card("wrong"))
    before = known(visitor, "wrong")
    visitor.send(f"{card('wrong')}{where}", form, 400)
    assert 'value="Typed"' in visitor.page.text
    assert 'role="alert"' in visitor.page.text
    pointed = re.findall(
        r'id="(\w+)"[^>]*value="([^"]*)"[^>]*aria-invalid="true" aria-describedby="(\S+)"', visitor.page.text
    )
    assert pointed == ([(field, form.get(field, ""), f"{field}-why")] if field else [])
    assert known(visitor, "wrong") == before


def test_who_may_see_and_set(portal: Portal) -> None:
    """A standard user sees the card and no form, and what he sends all the same is refused; without the right to
    exports nobody sees sessions or what they say; users of another space, and those that there are none of, are not
    there.
    """
    admin, standard = portal.visitor(), portal.visitor(STANDARD)
    place = {"country": "NZ", "source_campaign": "secret-spring"}
    sealed(portal, [event("e", portal.today * DAY - DAY, device="seen", session="visit-9") | {"session": place}])
    said = standard.get(card("seen"))
    assert "Events 1 Sessions 1" in said
    assert "secret-spring" in said
    assert 'method="post" action="/portal/explore' not in standard.page.text
    for path in (card("seen"), f"{card('seen')}/attributes"):
        assert "profiles.write" in standard.send(path, {}, 403)
        standard.get("/portal/account")
    users = admin.http.get("/v1/users", headers=READ).json()["users"]
    sam = next(one["id"] for one in users if one["email"] == STANDARD[0])
    withheld = {"withheld": ["exports.read"]}
    admin.http.patch(f"/v1/users/{sam}", json=withheld, headers=READ).raise_for_status()
    try:
        said = standard.get(card("seen"))
        assert "Events 1 Sessions 1" in said
        assert "secret-spring" not in said
        assert "visit-9" not in said
    finally:
        admin.http.patch(f"/v1/users/{sam}", json={"withheld": []}, headers=READ).raise_for_status()
    sealed(portal, [event("e", portal.today * DAY - DAY, device="theirs")], "app_other")
    for path in (
        card("theirs", "app_other"),
        card("theirs"),
        f"{PEOPLE}/seen",
        "/portal/explore/app_other/people?who=theirs",
    ):
        admin.get(path, 404)


def test_whoever_said_nothing_has_a_card(portal: Portal) -> None:
    """Of a user with events and no profile the card tells the counts, and can set something; of one who was only set
    something it says that nothing is sealed yet.
    """
    visitor = portal.visitor()
    sealed(portal, [event("e", portal.today * DAY - DAY, device="silent")])
    assert "Attributes None is known" in visitor.get(card("silent"))
    assert known(visitor, "silent")["profile"] == {}
    visitor.send(card("silent"), {"is_tester": "yes"}, 303)
    assert known(visitor, "silent")["profile"] == {"is_tester": True}
    assert visitor.get(card("nobody"), 404)
    visitor.http.patch(API, json={"actor": "nobody", "set": {"level": 1}}, headers=READ).raise_for_status()
    find(visitor, "nobody")
    assert visitor.page.url.path == card("nobody")
    assert "Nothing of this user is sealed yet" in text_of(visitor.page.text)
