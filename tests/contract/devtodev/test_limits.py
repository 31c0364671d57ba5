"""Quotas of jobs and of downloads: what counts, in which order, and what is free."""

from collections.abc import Iterator

import pytest

from tailrace.surfaces.devtodev.policy import LIMITS, policy_of
from tailrace.wiring import House
from tests.contract.devtodev.client import Client, send
from tests.contract.devtodev.conftest import DAY, OFF, World, send_some, world_of

HOUR = 3_600_000


@pytest.fixture(scope="module")
def idle(store: House) -> Iterator[World]:
    """A served store in which nobody does jobs, so that they stay as they are asked for."""
    with world_of(store, exporters=0) as world:
        send_some(world, {"go": 3})
        yield world


@pytest.fixture
def quiet(idle: World) -> Iterator[World]:
    """The same; limits and the clock are put back after each test."""
    idle.clock.shift = 0
    idle.limits(**OFF)
    yield idle
    idle.clock.shift = 0
    idle.limits(**OFF)


def ask(world: World, client: Client) -> tuple[int, int, str] | None:
    """Set a job; the error, or None."""
    answer = client.set_job(world.start, world.start + 3600, ["go"])
    return answer.error if answer.status >= 400 else None


def noon(world: World, days: int = 1) -> None:
    """Move the clock to noon, so that no day ends in between."""
    world.clock.shift = 0
    now = world.clock.now()
    world.clock.shift = days * DAY - now % DAY + 12 * HOUR


def test_the_defaults_are_the_documents() -> None:
    """100 a day and space, 50 a day and user, 5 at once, 5 s apart, 24 h, 10 downloads, 90 days, 202."""
    found = {one.name.removeprefix("devtodev."): one.default for one in LIMITS}
    assert found == {
        "per_day_of_space": 100,
        "per_day_of_user": 50,
        "max_running": 5,
        "apart_ms": 5000,
        "file_life_ms": DAY,
        "max_downloads": 10,
        "max_age_days": 90,
        "pending_status": 202,
    }
    assert policy_of({one.name: one.default for one in LIMITS}).max_running_of_user == 5


def test_five_at_once(quiet: World) -> None:
    """As many unfinished jobs as the setting, of each user by whichever token; a finished one makes room."""
    ana, eve = quiet.user("five@example.com"), quiet.user("eve5@example.com")
    quiet.limits(max_running=2)
    refused = (403, 17, "Quota exceeded. 2 concurrent requests per user has been reached.")
    assert [ask(quiet, ana) for _ in range(3)] == [None, None, refused]
    assert ask(quiet, eve) is None
    other = quiet.native("POST", "/v1/tokens", {}, token=f"Bearer {ana.token}")["token"]
    assert ask(quiet, quiet.of(other)) == refused
    quiet.native("POST", "/v1/exports", {"app": "app_waves", "window": {"axis": "available"}})
    for export in quiet.native("GET", "/v1/exports?limit=100", token=f"Bearer {ana.token}")["exports"]:
        quiet.api.http.delete(f"/v1/exports/{export['id']}", headers={"authorization": "Bearer tok_ana"})
    assert ask(quiet, ana) is None


def test_so_many_a_day_of_a_user(quiet: World) -> None:
    """Each user has a number of jobs for a day in UTC, and what is refused for whatever reason takes none of them."""
    ana, eve = quiet.user("fifty@example.com"), quiet.user("eve50@example.com")
    quiet.limits(per_day_of_user=2)
    noon(quiet)
    assert ana.set_job(quiet.start, quiet.start + 1, ["never sent"]).error[1] == 8
    assert ana.set_job(0, 1).error[1] == 10
    refused = (429, 18, "Too many requests. 2 requests per day per user quota has been exhausted.")
    assert [ask(quiet, ana) for _ in range(4)] == [None, None, refused, refused]
    assert ask(quiet, eve) is None
    quiet.clock.shift += 12 * HOUR - 60_000
    assert ask(quiet, ana) == refused
    quiet.clock.shift += 61_000
    assert [ask(quiet, ana) for _ in range(3)] == [None, None, refused]


def test_so_many_a_day_of_a_space(quiet: World) -> None:
    """All users of a space share a number of jobs for a day; another space has its own; the user's is looked at first,
    and is not used up by what the space's refuses.
    """
    ana, eve = quiet.user("hundred@example.com"), quiet.user("eve100@example.com")
    quiet.limits(per_day_of_space=3, per_day_of_user=2)
    noon(quiet, days=3)
    mine = (429, 18, "Too many requests. 2 requests per day per user quota has been exhausted.")
    ours = (429, 19, "Too many requests. 3 requests per day per space quota has been exhausted.")
    assert [ask(quiet, ana) for _ in range(3)] == [None, None, mine]
    assert [ask(quiet, eve) for _ in range(3)] == [None, ours, ours]
    assert quiet.of("tok_bob", "app_other").set_job(quiet.start, quiet.start + 1).status == 200
    quiet.limits(per_day_of_space=4)
    assert [ask(quiet, eve) for _ in range(2)] == [None, mine]


def test_five_seconds_apart(quiet: World) -> None:
    """The next job of a user comes so long after the last one that was taken; the text says the seconds of the setting,
    and `Retry-After` how many are left. Others do not wait, and a refusal does not begin the time anew.
    """
    ana, eve = quiet.user("apart@example.com"), quiet.user("eve-apart@example.com")
    quiet.limits(apart_ms=50_000)
    refused = (429, 20, "Too many requests. One request per 50 seconds per user quota has been exhausted.")
    assert [ask(quiet, ana), ask(quiet, ana), ask(quiet, eve)] == [None, refused, None]
    left = ana.set_job(quiet.start, quiet.start + 1).headers["retry-after"]
    assert 40 <= int(left) <= 50
    quiet.clock.shift += 25_000
    assert ask(quiet, ana) == refused
    quiet.clock.shift += 25_000
    assert [ask(quiet, ana), ask(quiet, ana)] == [None, refused]
    quiet.clock.shift -= 10 * 60_000  # a clock that was put back keeps nobody waiting for its old time
    assert ask(quiet, ana) is None


def test_limits_are_checked_in_their_order(quiet: World) -> None:
    """At once before a day of the user, that before a day of the space, that before the time in between."""
    ana = quiet.user("order@example.com")
    noon(quiet, days=5)
    quiet.limits(max_running=1, per_day_of_user=1, per_day_of_space=1, apart_ms=60_000)
    assert ask(quiet, ana) is None
    for limit, code in (("max_running", 17), ("per_day_of_user", 18), ("per_day_of_space", 19), ("apart_ms", 20)):
        found = ask(quiet, ana)
        assert found is not None
        assert found[1] == code
        quiet.limits(**{limit: 0})
    assert ask(quiet, ana) is None


def test_ten_downloads(world: World) -> None:
    """As many times as the setting a report begins to be sent; HEAD, continuations, what is there already and what is
    refused are free, before and after; then it is as if it had been deleted.
    """
    world.limits(max_downloads=3)
    job_id = world.job(["go"])
    world.client.wait(job_id)
    link = world.client.link(job_id)
    whole = send("GET", link)
    assert whole.status == 200
    tag = whole.headers["etag"]

    def free() -> list[int]:
        head, rest = send("HEAD", link), send("GET", link, None, {"Range": "bytes=10-"})
        assert (int(head.headers["content-length"]), rest.body) == (len(whole.body), whole.body[10:])
        known = send("GET", link, None, {"If-None-Match": tag})
        behind = send("GET", link, None, {"Range": "bytes=99999999-"})
        return [head.status, rest.status, known.status, behind.status]

    assert free() == [200, 206, 304, 416]
    begun = send("GET", link, None, {"Range": "bytes=0-9"})
    assert (begun.status, begun.body) == (206, whole.body[:10])
    assert send("GET", link).body == whole.body
    gone = (404, 21, "File not found. The requested report file had been expired and was deleted.")
    assert send("GET", link).error == gone
    assert send("GET", link, None, {"Range": "bytes=0-9"}).error == gone
    assert free() == [200, 206, 304, 416]
    assert world.client.progress(job_id).status == 201
    again = world.job(["go"])
    world.client.wait(again)
    assert send("GET", world.client.link(again)).status == 200
    noted = world.native("GET", "/v1/audit?action=file.downloaded&limit=100")["entries"]
    assert [one["subject"] for one in noted if one["subject"] == job_id] == [job_id] * 3
    assert {one["who"] for one in noted if one["subject"] == job_id} == {"ana@example.com"}
