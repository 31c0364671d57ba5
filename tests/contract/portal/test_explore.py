"""Explore: what was sent, counted; and what could not be taken."""

import json
import re

from tailrace.accounts.limits import set_limits
from tailrace.accounts.lookup import scope_of_app
from tailrace.model.clock import DAY, day_name
from tailrace.store.ledger import ledger
from tests.contract.live import WRITE
from tests.contract.portal.conftest import ADMIN, Portal
from tests.sending import event

EXPLORE = "/portal/explore/app_waves"


def test_what_was_sent_is_counted(portal: Portal) -> None:
    """Sessions and events of each day, names, versions and countries are those that were sent, in the table and in
    what the plot is made of.
    """
    visitor = portal.visitor()
    said = visitor.get(f"{EXPLORE}?days=7")
    assert "Events, 7 days 18 Sessions, 7 days 6 " in said
    for day in range(7):
        counts = "2 6" if 1 <= day <= 3 else "0 0"
        assert f"{day_name(portal.today - day)} {counts} " in said, day
    assert re.search(r"Level Up 12 Open 6 ", said)
    assert re.search(r"1\.0 9 1\.1 9 ", said)
    assert re.search(r"DE 9 US 9 ", said)
    (plot,) = re.findall(r'data-plot="([^"]+)"', visitor.page.text)
    days, sessions, events = json.loads(plot)
    assert days == [(portal.today - 6 + n) * DAY // 1000 for n in range(7)]
    assert (sessions, events) == ([0, 0, 0, 2, 2, 2, 0], [0, 0, 0, 6, 6, 6, 0])


def test_the_newest_events(portal: Portal) -> None:
    """The newest come first, each as it was sent."""
    visitor = portal.visitor()
    visitor.get(f"{EXPLORE}/newest")
    rows = re.findall(r'<tr><td><time datetime="([^"]+)".*?</td><td>([^<]+)</td>', visitor.page.text)
    newest = sorted(portal.sent, key=lambda record: record["time"], reverse=True)
    assert rows[0] == (newest[0]["time"], newest[0]["event"])
    assert [time for time, _ in rows] == sorted((time for time, _ in rows), reverse=True)


def test_an_app_without_events_says_what_to_do(portal: Portal) -> None:
    """Where nothing has come the page leads to the snippets, which have the app's own key and this server in them."""
    visitor = portal.visitor()
    visitor.send("/portal/admin/apps", {"id": "app_empty", "name": "Empty"}, 303)
    assert "No event has come yet" in visitor.get("/portal/explore/app_empty")
    said = visitor.get("/portal/admin/apps/app_empty")
    (key,) = set(re.findall(r"(wk_[\w-]+)", visitor.page.text))
    assert f"curl -sS {portal.url}/v1/events -H 'Authorization: Bearer {key}'" in said
    body = {"batch": [event("Hello", portal.today * DAY)]}
    answer = visitor.http.post("/v1/events", json=body, headers={"authorization": f"Bearer {key}"})
    assert answer.json()["accepted"] == 1


def test_dead_letters_are_taken_in_once_the_reason_is_gone(portal: Portal) -> None:
    """A record that is too large is shown with its reason and content; as long as that holds it stays, and afterwards
    it is taken in, and the ledger holds.
    """
    visitor, scope = portal.visitor(), scope_of_app(portal.house.database, "app_waves")
    limit(portal, 200)
    record = event("Large", portal.today * DAY, params={"text": "y" * 300})
    assert visitor.http.post("/v1/events", json={"batch": [record]}, headers=WRITE).json()["accepted"] == 0
    path = f"{EXPLORE}/dead-letters"
    said = visitor.get(path)
    assert "y" * 300 in said
    (number,) = re.findall(r'name="number" value="(\d+)"', visitor.page.text)
    assert "None was chosen" in visitor.send(path, {})
    assert "still rejected" in visitor.send(path, {"number": number})
    limit(portal, 1_048_576)
    before = ledger(portal.house.database, scope)
    said = visitor.send(path, {"number": number})
    assert f"{number}: 1 taken in" in said
    assert "None waits" in said
    after = ledger(portal.house.database, scope)
    assert (after.accepted, after.dead_letters) == (before.accepted + 1, before.dead_letters - 1)
    assert after.holds
    told = visitor.get("/portal/admin/audit?action=dead_letter.replayed")
    assert told.count(f"{ADMIN[0]} had a dead letter taken in {number} app_waves 127.0.0.1 records 1") == 1, told
    visitor.send(path, {"number": "999"}, 404)


def limit(portal: Portal, size: int) -> None:
    """Set how large a record may be."""
    with portal.house.database.write() as connection:
        set_limits(connection, {"ingest.max_record_bytes": size})
