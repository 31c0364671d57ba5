"""What every ingest protocol does. A protocol joins by its line in `PROTOCOLS` and by a module of its name in
`tests/conformance/protocols/` that has a `SAMPLE`.
"""

import gzip
import importlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tailrace.accounts.audit import Actor, in_space, page
from tailrace.accounts.limits import set_limits
from tailrace.accounts.lookup import scope_of_app
from tailrace.db.engine import Database
from tailrace.ingest.doors import door_of
from tailrace.ingest.protocols import PROTOCOLS
from tailrace.ingest.protocols.base import IngestProtocol
from tailrace.ingest.replay import replay
from tailrace.ingest.writer import InboxWriter
from tailrace.model.access import Scope
from tailrace.model.errors import Unavailable
from tailrace.store.deadletters import find, listing
from tailrace.store.inbox import Submission
from tailrace.store.ledger import ledger
from tailrace.wiring import House
from tests.conformance.protocols.base import Request, Sample
from tests.contract.live import live
from tests.sending import export, request, seal

KEY = "wk_waves"
TWO = ("First", "Second")
LONG = "x" * 1500  # longer than a name may be by default, but not than it may ever be
SECRET = "q-5ecret"  # in the query, where some put what nobody should read
WAIT_S = 30

sqlite_alone = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


@pytest.fixture(params=PROTOCOLS)
def protocol(request: pytest.FixtureRequest) -> IngestProtocol:
    """Each protocol in turn."""
    return PROTOCOLS[request.param]


@pytest.fixture
def sample(protocol: IngestProtocol) -> Sample:
    """How its SDKs write."""
    found: Sample = importlib.import_module(f"tests.conformance.protocols.{protocol.name}").SAMPLE
    return found


def ask(client: httpx.Client, asked: Request) -> httpx.Response:
    """The answer to a request."""
    return client.request(asked.method, asked.path, params=asked.query, content=asked.body, headers=asked.headers)


def names(house: House, scope: Scope) -> list[str]:
    """The names of all events that come out, sorted: what was stored twice is there twice. The ledger holds."""
    seal(house, scope)
    found = sorted(row["event"] for row in export(house, scope, request(scope))[1])
    assert ledger(house.database, scope).holds
    return found


def labelled(asked: Request, body: bytes, label: str | None) -> Request:
    """The request with another body and another type of content."""
    headers = {name: value for name, value in asked.headers.items() if name != "content-type"}
    return replace(asked, body=body, headers=headers | ({} if label is None else {"content-type": label}))


def test_what_is_acknowledged_is_stored_once(house: House, scope: Scope, sample: Sample) -> None:
    """A request and its resends, packed in any way under any label, are acknowledged; each event is there once, in
    the app whose key it came with.
    """
    with live(house) as client:
        first, again = sample.events(KEY, TWO), sample.resent(KEY, TWO)
        packed, zstd = gzip.compress(again.body), pa.compress(again.body, "zstd", asbytes=True)
        answers = [
            ask(client, first),
            ask(client, again),
            ask(client, labelled(again, again.body, "text/plain")),
            ask(client, labelled(again, packed, "application/x-www-form-urlencoded")),
            ask(client, labelled(again, packed, None)),
            ask(client, labelled(again, zstd, "application/json")),
            ask(client, sample.events("wk_other", TWO[:1])),
        ]
    assert {answer.status_code for answer in answers} == {sample.status}
    assert {answer.headers["access-control-allow-origin"] for answer in answers} == {"*"}
    assert names(house, scope) == sorted(TWO)
    assert names(house, scope_of_app(house.database, "app_other")) == sorted(TWO[:1])


def test_a_bad_record_is_a_dead_letter_that_can_be_replayed(
    house: House, scope: Scope, sample: Sample, capsys: pytest.CaptureFixture[str]
) -> None:
    """One bad record fails nothing else: it is kept with its reason, and comes out once when its limit is raised.

    Neither key nor query string is in the log or in what is kept.
    """
    bad = sample.events(KEY, (TWO[0], LONG, TWO[1]))
    with live(house, lines=True) as client:
        for _ in range(2):
            assert ask(client, replace(bad, query={**bad.query, "q": SECRET})).status_code == sample.status
    assert names(house, scope) == sorted(TWO)
    letters = [find(house.database, scope, one.number) for one in listing(house.database, scope)]
    assert [one.letter.reason for one in letters] == ["event: longer than 1024 bytes"]
    said = capsys.readouterr().err
    assert "http.request" in said
    kept = [text for one in letters for text in (one.letter.raw.decode(), one.letter.context, one.letter.source)]
    assert not any(secret in text for text in (said, *kept) for secret in (KEY, SECRET))
    with house.database.write() as connection:
        set_limits(connection, {"ingest.max_text_bytes": 2048})
    door, actor = door_of(house.database, scope), Actor(scope.space, "op")
    assert [replay(house.database, door, one.number, house.clock.now, actor).reason for one in letters] == [None]
    assert [entry.action for entry in page(house.database, in_space(scope.space_id), 1)] == ["dead_letter.replayed"]
    assert names(house, scope) == sorted((*TWO, LONG))


@sqlite_alone
def test_what_cannot_be_taken_is_refused_with_its_status(
    house: House, scope: Scope, sample: Sample, protocol: IngestProtocol
) -> None:
    """400 for what nobody can read, 401 or what its SDKs know for an unknown key, 413 for a small body that unpacks to
    a huge one; and browsers hear beforehand, on every path, that they may send.
    """
    good = sample.events(KEY, TWO)
    with live(house) as client:
        assert ask(client, sample.malformed(KEY)).status_code == 400
        assert ask(client, replace(good, body=gzip.compress(good.body)[:-9])).status_code == 400
        assert ask(client, sample.events("wk_none", TWO)).status_code == sample.unknown
        assert ask(client, replace(good, body=gzip.compress(bytes(64 << 20), 1))).status_code == 413
        for door in protocol.doors:
            for path in door.paths:
                answer = client.options(re.sub(r"{.*?}", "x", path), headers={"access-control-request-headers": "a, b"})
                assert (answer.status_code, answer.headers["access-control-allow-headers"]) == (204, "a, b"), path
    assert names(house, scope) == []


class Held(InboxWriter):
    """A writer whose disk is slow: nothing becomes durable until it is let go."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.holds = threading.Event()
        self.go = threading.Event()

    def _append(self, group: Any) -> None:
        self.holds.set()
        assert self.go.wait(WAIT_S)
        super()._append(group)

    def is_full(self) -> bool:
        return self.waiting_bytes > 0


@sqlite_alone
def test_a_full_writer_refuses_for_a_while_and_loses_nothing(
    house: House, scope: Scope, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While nothing more can wait, senders are told to come back within 30 s; then all that waited is acknowledged."""
    writer = Held(house.database)
    monkeypatch.setattr("tailrace.app.InboxWriter", lambda *_: writer)
    monkeypatch.setattr("tailrace.ingest.writer._WAITING_BYTES", 1)
    with live(house) as client, ThreadPoolExecutor(2) as senders:
        try:
            waiting = []
            for name, arrived in zip(TWO, (writer.holds.is_set, writer.is_full), strict=True):
                waiting.append(senders.submit(ask, client, sample.events(KEY, (name,))))
                until(arrived)
            refused = ask(client, sample.events(KEY, ("Third",)))
            assert not any(one.done() for one in waiting)
        finally:
            writer.go.set()
        assert refused.status_code in (429, 503)
        assert 1 <= int(refused.headers["retry-after"]) <= 30
        assert [one.result(WAIT_S).status_code for one in waiting] == [sample.status] * 2
        monkeypatch.setattr(Held, "submit", _out_of_order)
        assert ask(client, sample.events(KEY, ("Fourth",))).headers["retry-after"] == "30"
    assert names(house, scope) == sorted(TWO)


def until(happened: Callable[[], bool]) -> None:
    """Wait for something that happens in another thread."""
    deadline = time.monotonic() + WAIT_S
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def _out_of_order(_writer: InboxWriter, _submission: Submission) -> "Future[None]":
    raise Unavailable("for a long time", 600)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=5,
)


def places(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in a JSON value, inner things too."""
    yield here
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*here, key))


def put(value: Any, place: Sequence[Any], new: Any) -> Any:
    """The value with something else in a place."""
    if not place:
        return new
    copied = value.copy()
    copied[place[0]] = put(value[place[0]], place[1:], new)
    return copied


@st.composite
def bodies(draw: st.DrawFn, good: bytes) -> bytes:
    """Bytes, the good body with bytes in it, and, if it is JSON, with another value somewhere."""
    kind = draw(st.integers(0, 3))
    if kind == 0:
        return draw(st.binary(max_size=99))
    try:
        value = json.loads(good)
    except ValueError:
        kind = 1
    if kind == 1:
        at, end = sorted(draw(st.tuples(*[st.integers(0, len(good))] * 2)))
        return good[:at] + draw(st.binary(max_size=9) | st.just(rb"\ud800")) + good[end:]
    return json.dumps(put(value, draw(st.sampled_from(list(places(value)))), draw(JSON))).encode()


@sqlite_alone
def test_nothing_that_is_sent_breaks_it(house: House, scope: Scope, sample: Sample, protocol: IngestProtocol) -> None:
    """Whatever comes, the server answers without an error of its own, and what it took can be sealed and exported."""
    good = sample.events(KEY, TWO)
    doors = [(method, path) for door in protocol.intakes for method in door.methods for path in door.paths]
    with live(house) as client:

        @settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(st.sampled_from(doors) | st.just((good.method, good.path)), bodies(good.body))
        def attempt(door: tuple[str, str], body: bytes) -> None:
            answer = ask(client, replace(good, method=door[0], path=door[1], body=body))
            assert answer.status_code < 500, (door, body)

        attempt()
    names(house, scope)
