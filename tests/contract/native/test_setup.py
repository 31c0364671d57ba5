"""First start: a link makes the first admin, once, over the API or on a page that works without JavaScript."""

import re
import threading
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import httpx
import pytest

from tailrace.accounts.setup import new_setup
from tailrace.wiring import open_house
from tests.contract.live import live
from tests.contract.native.conftest import Api
from tests.unit.clocks import MovedClock, moved

FIRST = {"email": "first@example.com", "password": "a long enough one"}


@pytest.fixture
def clock() -> MovedClock:
    """The served store's clock."""
    return MovedClock()


@pytest.fixture
def fresh(data: Path, clock: MovedClock) -> Iterator[Api]:
    """A served store that nobody has set up."""
    with open_house(data) as house, live(moved(house, clock)) as http:
        yield Api(http, house)


def link(api: Api) -> str:
    """A new link's token."""
    token = new_setup(api.house.database, api.house.identity)
    assert token is not None
    return token


def test_a_link_works_once(fresh: Api) -> None:
    """It makes an admin whose password gives tokens; used up, void or made up it is refused, and no more are made."""
    void, token = link(fresh), link(fresh)
    for wrong in ("", "x", void, f"{token}x"):
        answer = fresh.http.post("/v1/setup", json=FIRST | {"token": wrong})
        assert (answer.status_code, answer.json()["code"]) == (403, "setup_refused"), wrong
    for bad, where in (({"email": "x"}, "email"), ({"password": "short"}, "password"), ({"space": "../x"}, "space")):
        answer = fresh.http.post("/v1/setup", json=FIRST | {"token": token} | bad)
        assert (answer.status_code, answer.json()["where"]) == (400, where)
    made = fresh.http.post("/v1/setup", json=FIRST | {"token": token})
    assert (made.status_code, made.json()["space"]) == (201, "main")
    assert fresh.http.post("/v1/setup", json=FIRST | {"token": token}).status_code == 403
    assert new_setup(fresh.house.database, fresh.house.identity) is None
    text = fresh.http.post("/v1/tokens", auth=(FIRST["email"], FIRST["password"])).json()["token"]
    me = fresh.http.get("/v1/me", headers={"authorization": f"Bearer {text}"}).json()
    assert (me["id"], me["role"], me["space"]) == (made.json()["user"], "admin", "main")


def test_a_link_lasts_a_day(fresh: Api, clock: MovedClock) -> None:
    """After 24 hours it is refused, and a new one works."""
    token = link(fresh)
    clock.shift = 86_400_000
    assert fresh.http.get(f"/setup?token={token}").status_code == 403
    assert fresh.http.post("/v1/setup", json=FIRST | {"token": token}).status_code == 403


def test_of_two_who_are_at_it_one_is_made(fresh: Api) -> None:
    """The same link at the same moment makes one admin."""
    token, start = link(fresh), threading.Barrier(3)
    statuses: list[int] = []

    def set_up(name: str) -> None:
        with httpx.Client(base_url=fresh.http.base_url, timeout=60) as http:
            start.wait()
            body = FIRST | {"token": token, "email": f"{name}@example.com"}
            statuses.append(http.post("/v1/setup", json=body).status_code)

    threads = [threading.Thread(target=set_up, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [201, 403, 403]


def test_the_page(fresh: Api) -> None:
    """It loads its style and icon from here and nothing else, runs nothing and tells nobody its address; what is wrong
    is said above the form.
    """
    token = link(fresh)
    shown = fresh.http.get("/setup", params={"token": token})
    assert shown.status_code == 200
    policy = shown.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert (shown.headers["referrer-policy"], shown.headers["cache-control"]) == ("no-referrer", "no-store")
    assert not re.findall(r"<script|\b(?:src|href)=\"(?!/portal/static/)|https?://|\bon\w+=|style=", shown.text)
    assert re.search(r'<form method="post" action="(\w+)">', shown.text)
    (kept,) = re.findall(r'name="token" value="([^"]*)"', shown.text)
    assert unescape(kept) == token
    evil = '"><script>alert(1)</script>'
    form = FIRST | {"token": token, "space": evil}
    wrong = fresh.http.post("/setup", data=form)
    assert (wrong.status_code, "<script" in wrong.text, "space: must" in wrong.text) == (400, False, True)
    assert FIRST["password"] not in wrong.text
    done = fresh.http.post("/setup", data=form | {"space": "main"})
    assert done.status_code == 200
    assert FIRST["email"] in done.text
    assert fresh.http.post("/v1/tokens", auth=(FIRST["email"], FIRST["password"])).status_code == 201
    for again in (fresh.http.get("/setup", params={"token": token}), fresh.http.post("/setup", data=form)):
        assert (again.status_code, again.headers["content-type"]) == (403, "text/html; charset=utf-8")
        assert token not in again.text


def test_what_the_page_is_not_for(fresh: Api) -> None:
    """Bodies and addresses that are none of its own are answered with a page that says so."""
    for answer, status in (
        (fresh.http.post("/setup", content=b"\xff"), 400),
        (fresh.http.post("/setup", content=b"a=1&" * 9), 400),
        (fresh.http.post("/setup", content=b"a" * 20_000), 413),
        (fresh.http.get("/setup?wat=1"), 400),
        (fresh.http.get("/setup/x"), 404),
        (fresh.http.put("/setup"), 405),
    ):
        assert answer.status_code == status
        assert answer.headers["content-type"].startswith("text/html")
        assert "default-src 'none'" in answer.headers["content-security-policy"]
