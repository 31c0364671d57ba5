"""The document's loop: list, get, remember the last end, repeat."""

import gzip
import json
from collections import Counter

import pytest

from tests.contract.fullstory.conftest import DAY, HOUR, MIDNIGHT, MINUTE, NOON, App, World, markers

S = 1000


def test_the_documents_loop(world: World, app: App) -> None:
    """Daily bundles of UTC days join without a seam from the first event on, oldest first, the empty day among them;
    each holds the events of its range, and all of them every event once. Only complete ones are there.
    """
    app.send(MIDNIGHT - 3 * DAY + HOUR, MIDNIGHT - 3 * DAY, MIDNIGHT - 1, MIDNIGHT, NOON - HOUR)
    client = app.ready()
    found = list(client.follow())
    days = [(b["Start"] * S, b["Stop"] * S) for b, _ in found]
    assert days == [(MIDNIGHT - n * DAY, MIDNIGHT - n * DAY + DAY) for n in (3, 2, 1)]
    assert [sorted(row["evt_n_real"] for row in rows) for _, rows in found] == [[0, 1], [], [2]]
    world.at(MIDNIGHT + DAY + HOUR - MINUTE)
    app.ready(client)
    assert list(client.follow()) == []
    world.at(MIDNIGHT + DAY + HOUR + MINUTE)
    app.ready(client)
    found += list(client.follow())
    assert Counter(markers(found)) == Counter(app.sent.keys())
    assert len(client.seen) == len(set(client.seen)) == 4


def test_what_a_list_says(app: App) -> None:
    """An object with `exports`; of each bundle `Start`, `Stop`, and its number as `ID` and `Id`, whole numbers all."""
    app.send(MIDNIGHT - DAY)
    client = app.ready()
    answer = client.get("list", start=0)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    (bundle,) = answer.document["exports"]
    assert list(answer.document) == ["exports"]
    number = bundle["ID"]
    assert bundle == {"Start": (MIDNIGHT - DAY) // S, "Stop": MIDNIGHT // S, "ID": number, "Id": number}
    assert 0 < number < 1 << 53
    assert client.get("list", start=bundle["Stop"] - 1).document["exports"] == [bundle]
    assert client.get("list", start=bundle["Stop"]).body == b'{"exports":[]}'


def test_a_first_list_is_told_to_come_again(world: World) -> None:
    """Nobody is told that there is nothing while the first bundles are being made: that is a 503, which the document
    says to try again. An app without an event has none, and neither has one whose first bundle still goes on.
    """
    empty, young, old = world.app(), world.app(), world.app()
    young.send(NOON - HOUR)
    old.send(NOON - 2 * DAY)
    assert empty.client().get("list", start=0).document == {"exports": []}
    for app in (young, old):
        answer = app.client().get("list", start=0)
        assert answer.status in (200, 503)
        assert answer.status == 200 or answer.headers["retry-after"] == "5"
    assert young.ready().listed(0) == []
    assert len(old.ready().listed(0)) == 2


def test_twenty_at_a_time(world: World, app: App) -> None:
    """The first 20 after a start, oldest first; the start of the last one's end brings the next; an exact multiple of
    20 ends with an empty page.
    """
    world.limits(bundle_seconds=1800, settle_seconds=0)
    app.send(NOON - 20 * HOUR)
    client = app.ready()
    pages, start = [], 0
    while page := client.listed(start):
        pages.append(page)
        start = page[-1]["Stop"]
    assert [len(page) for page in pages] == [20, 20]
    stops = [bundle["Stop"] * S for page in pages for bundle in page]
    assert stops == [NOON - 20 * HOUR + n * 30 * MINUTE for n in range(1, 41)]
    numbers = [bundle["ID"] for page in pages for bundle in page]
    assert numbers == sorted(set(numbers))


def test_late_events_are_where_they_arrived(world: World, app: App) -> None:
    """What arrives after its bundle was closed is in the next one, once; what is listed stays as it is, each byte."""
    world.limits(bundle_seconds=3600, settle_seconds=600)
    app.send(NOON - 2 * HOUR - 1, NOON - 90 * MINUTE)
    client = app.ready()
    found = list(client.follow())
    before = {bundle["ID"]: client.get("get", id=bundle["ID"]).body for bundle, _ in found}
    app.send(NOON - 2 * HOUR - 2, NOON - DAY, NOON - 30 * MINUTE)
    world.at(NOON + 11 * MINUTE)
    app.ready(client)
    late = list(client.follow())
    assert [(b["Stop"] * S, sorted(row["evt_n_real"] for row in rows)) for b, rows in late] == [(NOON, [2, 3, 4])]
    assert Counter(markers(found + late)) == Counter(app.sent.keys())
    assert {number: client.get("get", id=number).body for number in before} == before


def test_old_data_does_not_make_old_bundles(world: World, app: App) -> None:
    """A series begins at most `history_days` back: what is older is all in its first bundle. Old data that is imported
    later is in the bundle that is open then.
    """
    world.limits(history_days=2)
    app.send(NOON - 3000 * DAY, NOON - 2 * DAY - HOUR, NOON - HOUR)
    client = app.ready()
    found = list(client.follow())
    assert [b["Start"] * S for b, _ in found] == [MIDNIGHT - 2 * DAY, MIDNIGHT - DAY]
    assert [sorted(row["evt_n_real"] for row in rows) for _, rows in found] == [[0, 1], []]
    app.send(NOON - 2000 * DAY)
    world.at(NOON + DAY)
    app.ready(client)
    found += list(client.follow())
    assert len(found) == 3
    assert Counter(markers(found)) == Counter(app.sent.keys())


def test_a_changed_width_holds_from_the_next_bundle_on(world: World, app: App) -> None:
    """The bundle that is open keeps its width; the next ones have the new one, on its own borders, without a seam."""
    app.send(NOON - DAY)
    client = app.ready()
    world.limits(bundle_seconds=21_600)
    world.at(NOON + DAY)
    app.ready(client)
    world.limits(bundle_seconds=86_400)
    world.at(NOON + 2 * DAY)
    app.ready(client)
    found = list(client.follow())
    hours = [((b["Start"] * S - MIDNIGHT) / HOUR, (b["Stop"] * S - MIDNIGHT) / HOUR) for b, _ in found]
    assert hours == [(-24, 0), (0, 24), (24, 30), (30, 36), (36, 48)]


def test_a_bundle_is_unlisted_when_its_file_has_had_its_time(world: World, app: App) -> None:
    """A bundle is listed for `keep_days`; then it is not, and its number is answered with 410."""
    world.limits(keep_days=10)
    app.send(MIDNIGHT - DAY, MIDNIGHT - 2 * DAY)
    client = app.ready()
    first, second = client.listed(0)
    world.at(NOON + 10 * DAY - MINUTE)
    app.ready(client)
    assert client.listed(0)[:2] == [first, second]
    world.at(NOON + 10 * DAY + MINUTE)
    assert [bundle["ID"] for bundle in client.listed(0)] > [second["ID"]]
    assert (client.get("get", id=first["ID"]).status, client.get("get", id=second["ID"]).status) == (410, 410)


@pytest.mark.parametrize("empty", [False, True])
def test_a_bundle_is_a_gzip_file_of_an_array(app: App, empty: bool) -> None:
    """One member without a time in its head, in it one JSON array: also where there is no event."""
    app.send(MIDNIGHT - 2 * DAY)
    client = app.ready()
    bundle = client.listed(0)[int(empty)]
    body = client.get("get", id=bundle["ID"]).body
    assert body[4:8] == bytes(4)
    assert len(json.loads(gzip.decompress(body))) == (0 if empty else 1)
