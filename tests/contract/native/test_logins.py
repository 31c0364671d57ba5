"""Login sessions: a cookie that only our own pages can use, passwords that cannot be guessed, and ways out."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from tailrace.accounts.limits import set_limits
from tailrace.accounts.lockout import FREE, wait_ms
from tailrace.wiring import House
from tests.contract.live import READ, live
from tests.contract.native.conftest import Api
from tests.unit.clocks import MovedClock, moved

ANA = {"email": "ana@example.com", "password": "correct horse"}
Browser = Callable[[], httpx.Client]


@pytest.fixture
def clock() -> MovedClock:
    """The served store's clock."""
    return MovedClock()


@pytest.fixture
def quiet(house: House, clock: MovedClock) -> Iterator[Api]:
    """A served store whose clock can be moved."""
    with live(moved(house, clock)) as http:
        yield Api(http, house)


@pytest.fixture
def browser(quiet: Api) -> Iterator[Browser]:
    """Browsers: clients that keep their own cookies."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(httpx.Client(base_url=quiet.http.base_url, timeout=60))


def signed_in(client: httpx.Client, **other: str) -> dict[str, str]:
    """Sign in; the header that goes beside the cookie."""
    answer = client.post("/v1/login", json=ANA | other)
    assert answer.status_code == 200, answer.text
    return {"x-csrf-token": answer.json()["csrf"]}


def test_a_session_is_a_cookie(quiet: Api, browser: Browser) -> None:
    """No script can read it, no other site send it; over https it is for https alone. It is nobody's bearer token."""
    client = browser()
    answer = client.post("/v1/login", json=ANA | {"space": "acme"})
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert "Secure" not in cookie
    assert answer.headers["cache-control"] == "no-store"
    me = client.get("/v1/me").json()
    assert (me["email"], me["csrf"]) == (ANA["email"], answer.json()["csrf"])
    text = client.cookies["tailrace_session"]
    assert text not in answer.text
    assert quiet.http.get("/v1/me", headers={"authorization": f"Bearer {text}"}).status_code == 401
    assert all(token["kind"] != "login" for token in client.get("/v1/tokens?ended=true").json()["tokens"])
    assert quiet.http.get("/v1/me", headers={"cookie": "tailrace_session=tok_ana"}).status_code == 401
    quiet.house.settings.public_url = "https://x.example"
    assert "Secure" in browser().post("/v1/login", json=ANA).headers["set-cookie"]


def test_a_cookie_alone_changes_nothing(quiet: Api, browser: Browser) -> None:
    """What changes something needs the session's own CSRF text, and no Origin but ours; a token needs neither."""
    client, other = browser(), browser()
    proof, stolen = signed_in(client), signed_in(other)
    origin = str(quiet.http.base_url).rstrip("/")
    for headers in (
        {},
        {"x-csrf-token": ""},
        {"x-csrf-token": "é"},
        stolen,
        proof | {"origin": "https://evil.example"},
        proof | {"origin": "null"},
    ):
        sent = {name.encode(): value.encode() for name, value in headers.items()}
        answer = client.post("/v1/tokens", json={}, headers=sent)
        assert (answer.status_code, answer.json()["code"]) == (403, "csrf_refused"), headers
    assert client.post("/v1/tokens", json={}, headers=proof | {"origin": origin}).status_code == 201
    assert client.post("/v1/tokens", json={}, headers=proof).status_code == 201
    assert client.post("/v1/tokens", json={}, headers=READ | {"origin": "https://evil.example"}).status_code == 201
    forged = browser().post("/v1/login", json=ANA, headers={"origin": "https://evil.example"})
    assert forged.json()["code"] == "csrf_refused"


def test_ways_out(quiet: Api, browser: Browser) -> None:
    """Signing out ends one session, everywhere all of them, a new password the others, disabling every one."""
    clients = [browser() for _ in range(3)]
    proofs = [signed_in(client) for client in clients]

    def alive() -> list[bool]:
        return [client.get("/v1/me").status_code == 200 for client in clients]

    text = clients[0].cookies["tailrace_session"]
    assert clients[0].post("/v1/logout", headers=proofs[0]).json() == {"ended": 1}
    assert "tailrace_session" not in clients[0].cookies
    clients[0].cookies["tailrace_session"] = text
    assert alive() == [False, True, True]
    clients[0].cookies.clear()
    proofs[0] = signed_in(clients[0])
    change = {"current": ANA["password"], "password": "battery staple"}
    assert clients[1].post("/v1/me/password", json=change, headers=proofs[1]).json() == {"ended": 2}
    assert alive() == [False, True, False]
    assert browser().post("/v1/login", json=ANA).status_code == 401
    assert clients[1].post("/v1/me/password", json=change, headers=proofs[1]).status_code == 401
    signed_in(clients[2], password="battery staple")
    assert clients[1].post("/v1/logout:everywhere", headers=proofs[1]).json() == {"ended": 2}
    assert alive() == [False, False, False]
    assert quiet.http.post("/v1/logout", headers=READ).status_code == 401
    signed_in(clients[2], password="battery staple")
    me = quiet.http.get("/v1/me", headers=READ).json()["id"]
    boss = quiet.http.post("/v1/users", json={"email": "b@example.com", "role": "admin"}, headers=READ).json()["id"]
    token = quiet.http.post("/v1/tokens", json={"user": boss}, headers=READ).json()["token"]
    quiet.http.delete(f"/v1/users/{me}", headers={"authorization": f"Bearer {token}"})
    assert alive() == [False, False, False]
    assert browser().post("/v1/login", json=ANA | {"password": "battery staple"}).status_code == 401


def test_sessions_end_by_themselves(quiet: Api, browser: Browser, clock: MovedClock) -> None:
    """After a while without use, which each use begins anew, and after a life that no use prolongs."""
    quiet.house.settings.logins.idle_ms = 600_000
    quiet.house.settings.logins.life_ms = 1_500_000
    used, idle = browser(), browser()
    signed_in(used)
    signed_in(idle)
    for minutes in (8, 16, 24):
        clock.shift = minutes * 60_000
        assert used.get("/v1/me").status_code == 200, minutes
    assert idle.get("/v1/me").status_code == 401
    clock.shift = 1_600_000
    assert used.get("/v1/me").status_code == 401


def attempt(quiet: Api, clock: MovedClock, email: str) -> tuple[list[Any], list[int]]:
    """Wrong passwords, each tried as soon as it may be: what each is answered but for numbers, and the waits in s."""
    answers: list[Any] = []
    waits: list[int] = []
    while len(answers) < FREE + 6:
        answer = quiet.http.post("/v1/login", json={"email": email, "password": "wrong"})
        body = answer.json()
        answers.append((answer.status_code, body["code"], re.sub(r"\d+", "N", body["detail"])))
        if answer.status_code == 429:
            waits.append(int(answer.headers["retry-after"]))
            clock.shift += 1000 * waits[-1]
    return answers, waits


def test_wrong_passwords_lock_for_longer_and_longer(
    quiet: Api, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five are free, then each waits twice as long; a name that is nobody's is answered the same; being right helps.

    Waits are a hundred times as long as usual, so that the time that the test itself takes decides nothing.
    """
    monkeypatch.setattr("tailrace.accounts.lockout.wait_ms", lambda failures: 100 * wait_ms(failures))
    with quiet.house.database.write() as connection:
        set_limits(connection, {"logins.burst": 0})
    known, unknown = (attempt(quiet, clock, email) for email in ("ana@example.com", "nobody@example.com"))
    assert known[0] == unknown[0]
    codes = [code for _, code, _ in known[0]]
    assert codes == ["unauthorized"] * FREE + ["locked", "unauthorized"] * 3
    for waits in (known[1], unknown[1]):
        assert all(wait - 60 < found <= wait for found, wait in zip(waits, (100, 200, 400), strict=True)), waits
    clock.shift += 3_600_000
    assert quiet.http.post("/v1/login", json=ANA).status_code == 200
    assert quiet.http.post("/v1/login", json=ANA | {"password": "wrong"}).status_code == 401
    assert quiet.http.post("/v1/login", json=ANA).status_code == 200


def test_an_address_tries_only_so_often(quiet: Api, clock: MovedClock) -> None:
    """Passwords of whatever users from one address empty a bucket, which fills again with time."""
    with quiet.house.database.write() as connection:
        set_limits(connection, {"logins.burst": 2, "logins.refill_per_minute": 6})
    tries = [quiet.http.post("/v1/login", json=ANA | {"email": f"u{n}@example.com"}) for n in range(3)]
    assert [answer.json()["code"] for answer in tries] == ["unauthorized", "unauthorized", "too_soon"]
    wait = int(tries[2].headers["retry-after"])
    assert 1 <= wait <= 10
    assert quiet.http.post("/v1/tokens", auth=("ana@example.com", "correct horse")).status_code == 429
    clock.shift += wait * 1000
    assert quiet.http.post("/v1/login", json=ANA).status_code == 200


def test_an_email_of_two_spaces_names_its_space(quiet: Api, browser: Browser) -> None:
    """Without a space the first one is meant; with it exactly that one."""
    bob = {"authorization": "Bearer tok_bob"}
    body = {"email": ANA["email"], "password": "another password"}
    assert quiet.http.post("/v1/users", json=body, headers=bob).status_code == 201
    client = browser()
    assert client.post("/v1/login", json=body).status_code == 401
    signed_in(client, password="another password", space="other")
    assert client.get("/v1/me").json()["space"] == "other"
    for space in ("acme", "nope", "", "a\0"):
        assert browser().post("/v1/login", json=body | {"space": space}).status_code == 401, space
