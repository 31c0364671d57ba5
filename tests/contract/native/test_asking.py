"""docs/api.md: asking for exports safely, listing, estimating and repeating them, and waiting for complete windows."""

import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from msgspec.structs import replace
from sqlalchemy import func, select, update

from tailrace.accounts.provisioning import read_provisioning
from tailrace.db.tables import exports, idempotency_keys, jobs
from tailrace.exports import waiting
from tailrace.exports.forms import check_form
from tailrace.exports.submit import submit
from tailrace.model.clock import DAY, HOUR, MINUTE, SECOND, iso
from tailrace.model.errors import Invalid
from tailrace.model.export import FORMATS, PACKINGS, SHAPES, SPLITS, ExportRequest, Filters
from tailrace.model.predicates import parse_predicates
from tailrace.model.window import Window
from tailrace.surfaces.native.parse import parse_export
from tailrace.surfaces.native.render import export_document
from tailrace.wiring import House, open_house, provision
from tests import sending
from tests.contract.live import READ, live
from tests.contract.native.conftest import EVERYTHING, Api, Row
from tests.sending import T0, event

OTHER_USER = """
[[spaces]]
id = "acme"
[[spaces.users]]
email = "cara@example.com"
role = "standard"
[[spaces.tokens]]
value = "tok_cara"
user = "cara@example.com"
[[spaces.tokens]]
value = "tok_tides"
user = "ana@example.com"
apps = ["app_tides"]
"""
CARA = {"authorization": "Bearer tok_cara"}


@pytest.fixture
def idle(house: House) -> Iterator[Api]:
    """A served store without a worker, with a second user of acme."""
    wanted = house.data / "more.toml"
    wanted.write_text(OTHER_USER)
    provision(house, read_provisioning(wanted))
    with live(house) as http:
        yield Api(http, house)


def keyed(key: str, headers: Row = READ) -> Row:
    """Headers with a key."""
    return headers | {"idempotency-key": key}


def count(api: Api) -> int:
    """Exports that there are."""
    with api.house.database.read() as connection:
        return connection.scalar(select(func.count()).select_from(exports)) or 0


def test_a_key_makes_one_export(idle: Api) -> None:
    """The same key and request: the same export, marked as replayed, though the space has all it may have. Another
    body, a rerun or a body that says the same in another order: each is what it is.
    """
    first = idle.ask(headers=keyed("k1"))
    again = idle.http.post(
        "/v1/exports",
        content='{ "window": {"axis": "available"}, "format": "json", "app": "app_waves" }',
        headers=keyed("k1"),
    )
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    assert first.headers["location"] == again.headers["location"]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    other = idle.ask(headers=keyed("k1"), format="csv")
    assert (other.status_code, other.json()["code"], other.json()["retryable"]) == (422, "idempotency_mismatch", False)
    rerun = idle.http.post(f"{first.headers['location']}:rerun", headers=keyed("k1"))
    assert rerun.status_code == 422
    assert count(idle) == 1
    assert idle.ask(headers=keyed("k2")).json()["id"] != first.json()["id"]
    assert idle.ask().json()["id"] != idle.ask().json()["id"]
    assert count(idle) == 4


def test_a_key_belongs_to_its_user(idle: Api) -> None:
    """Another user's same key is another key."""
    first, second = idle.ask(headers=keyed("k")), idle.ask(headers=keyed("k", CARA), format="csv")
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["id"] != second.json()["id"]


def test_a_key_lives_for_a_day(idle: Api) -> None:
    """Within 24 hours it is known, then it is new again; those that are over are removed on the way."""
    first = idle.ask(headers=keyed("k"))
    idle.ask(headers=keyed("old"))

    def age(ms: int) -> None:
        with idle.house.database.write() as connection:
            now = idle.house.database.now(connection)
            connection.execute(update(idempotency_keys).values(created_at=now - ms))

    age(DAY - MINUTE)
    assert idle.ask(headers=keyed("k")).json()["id"] == first.json()["id"]
    age(DAY)
    assert idle.ask(headers=keyed("k"), format="csv").json()["id"] != first.json()["id"]
    with idle.house.database.read() as connection:
        assert connection.scalars(select(idempotency_keys.c.key)).all() == ["k"]


@pytest.mark.parametrize("key", ["", "a b", "ü".encode().decode("latin-1"), "x" * 256])
def test_a_key_that_cannot_be_is_named(idle: Api, key: str) -> None:
    """Empty, too long or with other signs than visible ASCII."""
    headers = [(b"authorization", b"Bearer tok_ana"), (b"idempotency-key", key.encode("latin-1"))]
    answer = idle.http.post("/v1/exports", json={"app": "app_waves", "window": EVERYTHING}, headers=headers)
    assert (answer.status_code, answer.json()["where"]) == (400, "Idempotency-Key")
    assert count(idle) == 0


def test_one_key_at_the_same_time(idle: Api) -> None:
    """Eight clients with one key at once: one export, and all are told of it."""
    barrier = threading.Barrier(8)

    def ask(_: int) -> str:
        barrier.wait()
        answer = idle.ask(headers=keyed("k"))
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1
    assert count(idle) == 1


def test_a_refused_request_uses_up_no_key(idle: Api) -> None:
    """What was refused may come again under its key, mended."""
    assert idle.ask({"axis": "available", "from": iso(T0), "to": iso(T0)}, headers=keyed("k")).status_code == 400
    assert idle.ask(headers=keyed("k")).status_code == 202


def listed(api: Api, query: str = "", headers: Row = READ) -> list[str]:
    """Ids of all pages of a list, each page as long as it may be."""
    found: list[str] = []
    after = ""
    while True:
        page = api.http.get(f"/v1/exports?{query}{after}", headers=headers).raise_for_status().json()
        found += [export["id"] for export in page["exports"]]
        if page["next"] is None:
            return found
        assert page["exports"]
        after = f"&after={page['next']}"


def test_exports_are_listed_newest_first(idle: Api) -> None:
    """Pages of any length join to the whole list; app and state choose; what a token may not see is not there."""
    asked = [idle.ask(app=app).json()["id"] for app in ("app_waves", "app_tides") * 3 + ("app_waves",)]
    bob = {"authorization": "Bearer tok_bob"}
    other = idle.ask(app="app_other", headers=bob).json()["id"]
    newest = asked[::-1]
    for limit in (1, 2, 3, 7, 1000):
        assert listed(idle, f"limit={limit}") == newest
    assert listed(idle) == newest
    assert listed(idle, "app=app_tides&limit=2") == newest[1::2]
    idle.http.delete(f"/v1/exports/{asked[0]}", headers=READ)
    assert listed(idle, "state=cancelled") == [asked[0]]
    assert listed(idle, "state=queued&app=app_waves&limit=1") == newest[0:6:2]
    assert listed(idle, "state=succeeded") == []
    assert listed(idle, headers=bob) == [other]
    assert listed(idle, headers={"authorization": "Bearer tok_tides"}) == newest[1::2]
    page = idle.http.get("/v1/exports?limit=1", headers=READ).json()
    assert page["exports"][0] == idle.http.get(f"/v1/exports/{asked[-1]}", headers=READ).json()


@pytest.mark.parametrize(
    ("query", "where"),
    [("limit=0", "limit"), ("limit=1001", "limit"), ("after=%00", "after"), ("after=wat!", "after"),
     ("state=wat", "state"), ("wat=1", "wat"), ("limit=1&limit=2", "limit")],
)  # fmt: skip
def test_what_is_wrong_with_a_list_is_named(idle: Api, query: str, where: str) -> None:
    """Limits outside of 1 to 1000, what is no `next`, unknown keys and states."""
    answer = idle.http.get(f"/v1/exports?{query}", headers=READ)
    assert (answer.status_code, answer.json()["where"]) == (400, where)


def test_an_estimate_makes_no_export(idle: Api) -> None:
    """Events, bytes and seconds of what is there; of half the names half of it; the same refusals as for an export."""
    idle.send(*(event(name, T0 + n * SECOND, session=None) for n in range(500) for name in "ab"))
    idle.seal()

    def estimate(window: Row = EVERYTHING, **more: object) -> Row:
        answer = idle.http.post(
            "/v1/exports:estimate", json={"app": "app_waves", "window": window} | more, headers=READ
        )
        assert answer.status_code == 200, answer.text
        found: Row = answer.json()
        return found

    whole = estimate()
    assert whole.keys() == {"events", "at_most", "bytes", "seconds"}
    assert (whole["events"], whole["at_most"], whole["seconds"]) == (1000, 1000, 1)
    assert estimate(filters={"events": ["a"]})["events"] == 500
    assert estimate(packing="none")["bytes"] > whole["bytes"]
    middle = estimate({"axis": "event_time", "from": iso(T0), "to": iso(T0 + 250 * SECOND)})
    assert middle["events"] == pytest.approx(500, abs=10)
    assert estimate({"axis": "available", "to": iso(T0)})["events"] == 0
    assert count(idle) == 0
    for more, status in (({"after": "x"}, 409), ({"app": "app_other"}, 404), ({"split": "wat"}, 400)):
        body = {"app": "app_waves", "window": EVERYTHING} | more
        assert idle.http.post("/v1/exports:estimate", json=body, headers=READ).status_code == status


def test_a_rerun_asks_for_the_same(idle: Api) -> None:
    """A new export with the request of the old one, whatever has become of that."""
    window = {"axis": "event_time", "from": iso(T0), "to": iso(T0 + HOUR)}
    first = idle.ask(window, format="csv", filters={"events": ["a"]}).json()
    idle.http.delete(f"/v1/exports/{first['id']}", headers=READ)
    again = idle.http.post(f"/v1/exports/{first['id']}:rerun", headers=READ)
    assert again.status_code == 202
    assert again.headers["location"].endswith(again.json()["id"])
    assert again.json()["id"] != first["id"]
    assert (again.json()["request"], again.json()["state"]) == (first["request"], "queued")


def every_form() -> Iterator[ExportRequest]:
    """Every combination of choices that is not refused, with and without what is optional."""
    where = parse_predicates(
        [
            {"param": "a", "op": "eq", "value": 1.5},
            {"param": "b", "op": "exists"},
            {"field": "country", "op": "neq", "value": "DE"},
            {"param": "c", "op": "contains", "value": '"\\ü\u2028'},
        ]
    )
    filters = (Filters(), Filters(("a", "ü"), ("1.0",), where))
    windows = (
        Window("available", None, None),
        Window("available", T0, T0 + 1),
        Window("event_time", -62_135_596_800_000, 253_402_300_799_999),
        Window("session_start", T0, T0 + 1),
    )
    forms = itertools.product(SHAPES, FORMATS, PACKINGS, SPLITS, (False, True))
    for number, (shape, format_, packing, split, option) in enumerate(forms):
        window = windows[number % 4]
        asked = ExportRequest(
            app="app_waves",
            window=window,
            shape=shape,
            format=format_,
            packing=packing,
            filters=filters[number % 2],
            columns=("session_id", "country") if number % 3 else None,
            split=split,
            after="cursor" if number % 8 == 0 else None,
            file_bytes=16_000_000 + number,
            json_array=option and format_ == "json",
            csv_safe=option and format_ == "csv",
            wait_until_complete=option and window.axis != "available",
        )
        try:
            check_form(asked)
        except Invalid:
            continue
        yield asked


def test_a_request_can_be_sent_as_it_was_answered(idle: Api) -> None:
    """For every form: `request` of the answer, sent again, is the same request to the last key."""
    scope = idle.scope()
    who = sending.principal(idle.house, scope)
    plain = submit(idle.house.submitter(), who, scope, sending.request(scope))
    forms = list(every_form())
    assert len(forms) > 100
    for asked in forms:
        document = msgspec.json.encode(export_document(replace(plain, request=asked)).request)
        assert parse_export(document) == asked
    for asked in forms[::29]:
        sent = idle.http.post(
            "/v1/exports",
            content=msgspec.json.encode(export_document(replace(plain, request=replace(asked, after=None))).request),
            headers=READ,
        ).json()
        again = idle.http.post("/v1/exports", json=sent["request"], headers=READ)
        assert (again.status_code, again.json()["request"]) == (202, sent["request"])


def waiting_job(house: House) -> Row:
    """The only export's job, as a row."""
    with house.database.read() as connection:
        return dict(connection.execute(select(jobs).where(jobs.c.lane == "export")).one()._mapping)


def complete(end: int) -> Row:
    """A window that ends there, and the wish to have all of it."""
    return {"window": {"axis": "session_start", "from": iso(T0 - HOUR), "to": iso(end)}, "wait_until_complete": True}


def test_an_export_waits_until_its_window_is_complete(idle: Api) -> None:
    """It stays queued and says what for, whoever looks, counts no failure, and then holds what would be missing."""
    house, scope = idle.house, idle.scope()
    idle.send(event("a", T0))
    asked = idle.ask(**complete(T0 + MINUTE))
    location = asked.headers["location"]
    through = iso(T0)
    for _ in range(3):
        status = idle.http.get(location, headers=READ).json()
        assert (status["state"], status["error"]) == ("queued", None)
        assert status["waiting_for"] == {
            "reason": "completeness",
            "until": iso(T0 + MINUTE),
            "complete_through": through,
        }
        with house.database.write() as connection:
            connection.execute(update(jobs).values(not_before=0))
        with open_house(house.data) as after_a_restart:
            assert sending.work(after_a_restart, scope, status["id"]).state == "queued"
    job = waiting_job(house)
    assert (job["state"], job["attempt"], job["failures"], job["outages"]) == ("ready", 3, 0, 0)
    idle.seal()
    with house.database.write() as connection:
        connection.execute(update(jobs).values(not_before=0))
    done = sending.work(house, scope, status["id"])
    assert (done.state, done.complete_through is not None and done.complete_through >= T0 + MINUTE) == (
        "succeeded",
        True,
    )
    manifest = idle.http.get(f"{location}/manifest", headers=READ).json()
    assert (manifest["rows"], manifest["request"]["wait_until_complete"]) == (1, True)
    assert idle.http.get(location, headers=READ).json()["waiting_for"] is None


def test_without_the_wish_an_export_does_not_wait(idle: Api) -> None:
    """The same window, not asked to be complete, is exported as it is."""
    idle.send(event("a", T0))
    asked = idle.ask(**complete(T0 + MINUTE) | {"wait_until_complete": False}).json()
    assert asked["waiting_for"] is None
    assert sending.work(idle.house, idle.scope(), asked["id"]).state == "succeeded"


def test_a_waiting_export_can_be_cancelled(idle: Api) -> None:
    """At once while it waits, and when it is asked to end just as a worker looks."""
    house, scope = idle.house, idle.scope()
    idle.send(event("a", T0))
    first, second = (idle.ask(**complete(T0 + MINUTE)).json()["id"] for _ in range(2))
    assert idle.http.delete(f"/v1/exports/{first}", headers=READ).json()["state"] == "cancelled"
    with house.database.write() as connection:
        connection.execute(update(jobs).where(jobs.c.subject == second).values(cancel=True))
    assert sending.work(house, scope, second).state == "cancelled"


def test_a_window_that_is_not_over_is_not_looked_at_before(idle: Api) -> None:
    """Its job begins at the end of the window; how far ahead that may be is a limit; `available` needs no such wish."""
    with idle.house.database.read() as connection:
        now = idle.house.database.now(connection)
    asked = idle.ask(**complete(now + DAY))
    assert (asked.status_code, asked.json()["waiting_for"]["until"]) == (202, iso(now + DAY))
    assert waiting_job(idle.house)["not_before"] == now + DAY
    refused = idle.ask(**complete(now + 8 * DAY)).json()
    assert (refused["code"], refused["limit_ms"]) == ("window_in_future", 7 * DAY)
    assert idle.ask(wait_until_complete=True).json()["where"] == "wait_until_complete"
    ahead = idle.ask({"axis": "available", "to": iso(now + 5 * MINUTE)}).json()
    assert ahead["waiting_for"] == {"reason": "window_end", "until": iso(now + 5 * MINUTE), "complete_through": None}


def test_looks_become_rarer() -> None:
    """From a second to a minute, never less often than an eighth of what was waited."""
    assert [waiting.pause_ms(waited) for waited in (0, 8 * SECOND, 80 * SECOND, HOUR)] == [
        SECOND,
        SECOND,
        10 * SECOND,
        MINUTE,
    ]


def test_any_window_length_works(api: Api) -> None:
    """From the first to the last instant that can be written down."""
    api.send(event("a", T0))
    api.seal()
    ever = {"from": "0001-01-01T00:00:00Z", "to": "9999-12-31T23:59:59.999Z"}
    for axis in ("event_time", "session_start"):
        assert api.manifest({"axis": axis} | ever)["rows"] == 1
    assert api.manifest({"axis": "available", "from": ever["from"]})["rows"] == 1
