"""docs/api.md, "Wait for an export": ETags, long polls and streams, and the one watcher that feeds them."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from sqlalchemy import update

from tailrace.config import WatchSettings
from tailrace.db.engine import Database
from tailrace.db.tables import exports
from tailrace.surfaces.native.routes import status
from tailrace.web.watcher import Watcher
from tailrace.wiring import House
from tests.contract.live import READ, live
from tests.contract.native.conftest import Api, Row

BOB = {"authorization": "Bearer tok_bob"}
WAIT_S = 30


@pytest.fixture
def watchers(monkeypatch: pytest.MonkeyPatch) -> list[Watcher]:
    """The watchers of the applications that a test makes."""
    made: list[Watcher] = []

    class Kept(Watcher):
        def __init__(self, database: Database, settings: WatchSettings) -> None:
            super().__init__(database, settings)
            made.append(self)

    monkeypatch.setattr("tailrace.app.Watcher", Kept)
    return made


@pytest.fixture
def idle(house: House, watchers: list[Watcher]) -> Iterator[Api]:
    """A served store without a worker, which looks for news often."""
    assert watchers == []
    house.settings.watch.interval_ms = 10
    with live(house) as http:
        yield Api(http, house)


def set_state(api: Api, state: str, **more: int) -> None:
    """What a worker would do to every export."""
    with api.house.database.write() as connection:
        connection.execute(update(exports).values(state=state, **more))


def eventually(true: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_status_that_is_known_is_not_sent_again(idle: Api) -> None:
    """304 while nothing has changed, whichever way the tag is given; a new tag with every change."""
    place = idle.ask().headers["location"]
    first = idle.http.get(place, headers=READ)
    tag = first.headers["etag"]
    for known in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        again = idle.http.get(place, headers=READ | {"if-none-match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag), known
    assert idle.http.get(place, headers=READ | {"if-none-match": '"x"'}).json() == first.json()
    tags = {tag}
    for done in (0, 1):
        set_state(idle, "running", slices=2, slices_done=done)
        tags.add(idle.http.get(place, headers=READ | {"if-none-match": tag}).raise_for_status().headers["etag"])
    assert len(tags) == 3
    assert idle.http.head(place, headers=READ).headers["etag"] in tags


def test_a_long_poll_answers_when_the_state_changes(idle: Api, watchers: list[Watcher]) -> None:
    """Waiting, it holds one place of the watcher and no more; it answers with the new state, not with progress."""
    place = idle.ask().headers["location"]
    with ThreadPoolExecutor() as pool:
        for before, after in (("queued", "running"), ("running", "cancelled")):
            answer = pool.submit(idle.http.get, f"{place}?wait=60", headers=READ)
            eventually(lambda: len(watchers[0]) == 1)
            set_state(idle, before, slices=5, slices_done=4)
            assert not answer.done()
            set_state(idle, after)
            assert answer.result(WAIT_S).json()["state"] == after
            eventually(lambda: len(watchers[0]) == 0)
    assert idle.http.get(f"{place}?wait=60", headers=READ).json()["state"] == "cancelled"


def test_a_long_poll_ends_when_its_time_is_over(idle: Api) -> None:
    """With what is there then: the export as it was, or 304; who knows an older one is answered at once."""
    place = idle.ask().headers["location"]
    began = time.monotonic()
    answer = idle.http.get(f"{place}?wait=1", headers=READ)
    assert time.monotonic() - began >= 1
    assert (answer.status_code, answer.json()["state"]) == (200, "queued")
    known = READ | {"if-none-match": answer.headers["etag"]}
    assert idle.http.get(f"{place}?wait=1", headers=known).status_code == 304
    old = idle.http.get(f"{place}?wait=60", headers=READ | {"if-none-match": '"old"'}, timeout=30)
    assert old.json()["state"] == "queued"


@pytest.mark.parametrize("wait", ["61", "-1", "x", ""])
def test_no_poll_is_longer_than_a_minute(idle: Api, wait: str) -> None:
    """What cannot be is named."""
    answer = idle.http.get(f"/v1/exports/x?wait={wait}", headers=READ)
    assert (answer.status_code, answer.json()["where"]) == (400, "wait")


def followed(lines: Iterator[str]) -> Iterator[Row]:
    """The documents of a stream of events `progress`; comments are left out."""
    for line in lines:
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))
        else:
            assert line in ("", "event: progress") or line.startswith(":"), line


def test_a_stream_tells_every_change_until_the_end(idle: Api, watchers: list[Watcher]) -> None:
    """First as it is, then each change, and it ends after the final state; events are the status document."""
    place = idle.ask().headers["location"]
    with idle.http.stream("GET", f"{place}/progress", headers=READ) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["x-accel-buffering"] == "no"
        news = followed(answer.iter_lines())
        assert next(news) == idle.http.get(place, headers=READ).json()
        set_state(idle, "running", slices=2, slices_done=0)
        assert next(news)["state"] == "running"
        set_state(idle, "running", slices_done=1)
        assert next(news)["progress"] == {"slices": 2, "slices_done": 1, "percent": 50}
        set_state(idle, "cancelled", finished_at=1)
        assert next(news) == idle.http.get(place, headers=READ).json()
        assert list(news) == []
    assert idle.http.get(f"{place}/progress", headers=READ).text.count("event: progress") == 1
    eventually(lambda: len(watchers[0]) == 0)
    head = idle.http.head(f"{place}/progress", headers=READ)
    assert (head.status_code, head.headers["content-type"].partition(";")[0]) == (200, "text/event-stream")


def test_a_quiet_stream_is_kept_alive_and_has_an_end(idle: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Comments come while nothing happens; after its time it ends, so that a token is asked for again."""
    place = idle.ask().headers["location"]
    monkeypatch.setattr(status, "_KEEP_ALIVE_S", 0.01)
    with idle.http.stream("GET", f"{place}/progress", headers=READ) as answer:
        lines = answer.iter_lines()
        assert [line for line, _ in zip(lines, range(5), strict=False) if line.startswith(":")]
    monkeypatch.setattr(status, "_STREAM_S", 0.0)
    only = idle.http.get(f"{place}/progress", headers=READ).text
    assert len(list(followed(iter(only.splitlines())))) == 1


def test_a_client_that_goes_away_is_forgotten(idle: Api, watchers: list[Watcher]) -> None:
    """A stream or a long poll whose client hangs up frees its place though its export does not change."""
    place = httpx.URL(idle.ask().headers["location"])
    for path in (f"{place.path}/progress", f"{place.path}?wait=60"):
        request = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {READ['authorization']}\r\n\r\n"
        with socket.create_connection((place.host, place.port)) as client:
            client.sendall(request.encode())
            eventually(lambda: len(watchers[0]) == 1)
        eventually(lambda: len(watchers[0]) == 0)


def test_places_are_bounded(house: House, watchers: list[Watcher]) -> None:
    """A space has half of them, all together have all; 503 says when to come back; a place is free again after."""
    house.settings.watch.most = 2
    with live(house) as http, ThreadPoolExecutor() as pool:
        api = Api(http, house)
        mine = api.ask().headers["location"]
        theirs = api.ask(app="app_other", headers=BOB).headers["location"]
        with http.stream("GET", f"{mine}/progress", headers=READ) as held:
            for path in ("/progress", "?wait=1"):
                refused = http.get(mine + path, headers=READ)
                assert (refused.status_code, refused.json()["code"]) == (503, "too_many_waiting")
                assert (refused.json()["limit"], refused.json()["retryable"]) == (1, True)
                assert refused.headers["retry-after"] == "5"
            assert http.get(mine, headers=READ).status_code == 200
            other = pool.submit(http.get, f"{theirs}?wait=60", headers=BOB)
            eventually(lambda: len(watchers[0]) == 2)
            refused = http.get(f"{theirs}?wait=1", headers=BOB)
            assert (refused.status_code, refused.json()["limit"]) == (503, 2)
            set_state(api, "cancelled")
            assert other.result(WAIT_S).json()["state"] == "cancelled"
            list(held.iter_lines())
        set_state(api, "queued")
        eventually(lambda: len(watchers[0]) == 0)
        assert http.get(f"{mine}?wait=1", headers=READ).status_code == 200


def test_a_server_that_stops_ends_streams_and_polls_in_order(house: House, watchers: list[Watcher]) -> None:
    """Both answers end as HTTP has it, long before their time and though the export has not changed."""
    streaming = threading.Event()

    def follow(place: str) -> list[Row]:
        with httpx.stream("GET", f"{place}/progress", headers=READ, timeout=WAIT_S) as answer:
            found = []
            for document in followed(answer.iter_lines()):
                found.append(document)
                streaming.set()
            return found

    with ThreadPoolExecutor() as pool:
        with live(house) as http:
            place = Api(http, house).ask().headers["location"]
            stream = pool.submit(follow, place)
            poll = pool.submit(httpx.get, f"{place}?wait=60", headers=READ, timeout=WAIT_S)
            assert streaming.wait(WAIT_S)
            eventually(lambda: len(watchers[0]) == 2)
        assert [document["state"] for document in stream.result(WAIT_S)] == ["queued"]
        assert poll.result(WAIT_S).json()["state"] == "queued"


def test_the_page_names_its_numbers() -> None:
    """The longest stream of the page is that of the code."""
    page = (Path(__file__).resolve().parents[3] / "docs" / "api.md").read_text("utf-8")
    assert status._STREAM_S == 300
    assert "five minutes" in page
