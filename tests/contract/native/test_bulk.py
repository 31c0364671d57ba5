"""docs/api.md, "Bulk clients": a client that knows nothing but the flow of the FHIR Bulk Data Access guide."""

import json
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from tailrace.db.tables import exports
from tailrace.jobs.queue import claim
from tailrace.model.clock import MINUTE, SECOND, iso, parse_iso
from tailrace.upkeep.sweep import sweep
from tailrace.wiring import House
from tests.contract.live import READ, live
from tests.contract.native.conftest import Api, Row
from tests.sending import T0, event

ASYNC = READ | {"prefer": "respond-async"}
KICK_OFF = "/v1/$export?app=app_waves"
WAIT_S = 30


class BulkClient:
    """The flow of the guide: kick off, poll the content location, download what the manifest lists."""

    def __init__(self, http: httpx.Client, kick_off: str) -> None:
        self.http = http
        headers = {"accept": "application/fhir+json", "prefer": "respond-async"}
        answer = http.get(kick_off, headers=READ | headers)
        assert answer.status_code == 202, answer.text
        self.place = answer.headers["content-location"]

    def manifest(self) -> Row:
        """Poll until it is complete."""
        deadline = time.monotonic() + WAIT_S
        while True:
            answer = self.http.get(self.place, headers=READ | {"accept": "application/json"})
            if answer.status_code == 200:
                assert answer.headers["content-type"] == "application/json"
                manifest: Row = answer.json()
                return manifest
            assert (answer.status_code, int(answer.headers["retry-after"]) > 0) == (202, True)
            assert 0 < len(answer.headers["x-progress"]) < 100
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def download(self, manifest: Row) -> dict[str, list[Row]]:
        """Every file, by its type."""
        found: dict[str, list[Row]] = {}
        for file in manifest["output"]:
            headers = READ if manifest["requiresAccessToken"] else {}
            text = self.http.get(file["url"], headers=headers | {"accept": "application/fhir+ndjson"})
            rows = [json.loads(line) for line in text.raise_for_status().content.splitlines()]
            assert len(rows) == file["count"]
            found.setdefault(file["type"], []).extend(rows)
        return found

    def delete(self) -> int:
        """Say that nobody wants it; the status."""
        return self.http.delete(self.place, headers=READ).status_code

    def status(self) -> int:
        """What polling answers."""
        return self.http.get(self.place, headers=READ).status_code


@pytest.fixture
def idle(house: House) -> Iterator[Api]:
    """A served store without a worker."""
    with live(house) as http:
        yield Api(http, house)


def test_a_bulk_client_gets_everything_by_type(api: Api) -> None:
    """A file of lines for each event name; the manifest says what was asked, and until when files are kept."""
    api.send(*(event(name, T0 + n, session=None) for n in range(3) for name in ("a", "b, c")))
    api.seal()
    client = BulkClient(api.http, KICK_OFF)
    manifest = client.manifest()
    found = client.download(manifest)
    assert {name: {row["event"] for row in rows} for name, rows in found.items()} == {"a": {"a"}, "b, c": {"b, c"}}
    assert [len(rows) for rows in found.values()] == [3, 3]
    assert manifest.keys() == {"transactionTime", "request", "requiresAccessToken", "output", "error"}
    assert manifest["error"] == []
    assert manifest["request"] == f"{api.http.base_url}{KICK_OFF}".replace("//v1", "/v1")
    expires = parsedate_to_datetime(api.http.get(client.place, headers=READ).headers["expires"])
    native = api.http.get(f"/v1/exports/{client.place.rsplit('/', 1)[1]}", headers=READ).json()
    assert int(expires.timestamp()) == parse_iso(native["expires_at"]) // SECOND
    assert (native["request"]["split"], native["request"]["packing"]) == ("event", "none")


def test_the_transaction_time_goes_on_as_since(api: Api) -> None:
    """Each event once along the chain, also what was late; `_type` chooses by name, in one parameter or several."""
    sent: list[str] = []
    got: list[str] = []
    since = ""
    for step in range(3):
        records = [event("ab"[n % 2], T0 - step * MINUTE + n, session=f"{step}") for n in range(4)]
        sent += [record["id"] for record in records]
        api.send(*records)
        api.seal()
        client = BulkClient(api.http, KICK_OFF + since)
        manifest = client.manifest()
        got += [row["id"] for rows in client.download(manifest).values() for row in rows]
        since = f"&_since={manifest['transactionTime']}"
    assert sorted(got) == sorted(sent)
    for query in ("&_type=a", "&_type=a,nobody", "&_type=a&_type=nobody", "&_type=a&_outputFormat=ndjson"):
        client = BulkClient(api.http, KICK_OFF + query)
        manifest = client.manifest()
        assert [(file["type"], file["count"]) for file in manifest["output"]] == [("a", 6)], query
    later = BulkClient(api.http, f"{KICK_OFF}{since}&_type=a,b")
    found = later.manifest()
    assert found["output"] == []
    assert dict(httpx.URL(found["request"]).params) == {
        "app": "app_waves",
        "_since": manifest_since(since),
        "_type": "a,b",
    }


def manifest_since(query: str) -> str:
    """The instant of a query."""
    return query.partition("=")[2]


def test_progress_and_deletion_of_one_that_runs(idle: Api) -> None:
    """202 with how far it is; DELETE is 202, and from then on it is 404, also while its worker still lets go of it."""
    client = BulkClient(idle.http, KICK_OFF)
    assert idle.http.get(client.place, headers=READ).headers["x-progress"] == "queued"
    job = claim(idle.house.database, "export", "worker", 60_000)
    assert job is not None
    with idle.house.database.write() as connection:
        connection.execute(update(exports).values(state="running", slices=30, slices_done=12))
    assert idle.http.get(client.place, headers=READ).headers["x-progress"] == "40% (12 of 30 slices)"
    assert (client.delete(), client.status(), client.delete()) == (202, 404, 404)
    native = idle.http.get(f"/v1/exports/{job.subject}", headers=READ).json()
    assert (native["state"], native["expires_at"]) == ("running", None)
    waiting = BulkClient(idle.http, KICK_OFF)
    assert (waiting.delete(), waiting.status(), waiting.delete()) == (202, 404, 404)


def test_deletion_of_one_that_has_ended(api: Api) -> None:
    """The files of one that has succeeded expire; it is 404 here at once, as one that has failed is."""
    api.send(event("a", T0))
    api.seal()
    client = BulkClient(api.http, KICK_OFF)
    client.manifest()
    native = f"/v1/exports/{client.place.rsplit('/', 1)[1]}"
    assert (client.delete(), client.status(), client.delete()) == (202, 404, 404)
    sweep(api.house.sweeper(), api.scope(), lambda: None)
    assert api.http.get(native, headers=READ).json()["state"] == "expired"
    failed = BulkClient(api.http, KICK_OFF)
    failed.manifest()
    with api.house.database.write() as connection:
        connection.execute(update(exports).values(state="failed", error="why", expires_at=None))
    assert failed.status() == 500
    assert (failed.delete(), failed.status()) == (202, 404)
    assert api.http.get("/v1/$export/exp_absent", headers=READ).status_code == 404


def test_any_export_has_a_bulk_manifest(api: Api) -> None:
    """An export that was asked for otherwise is listed by its shape."""
    api.send(event("a", T0))
    api.seal()
    manifest = api.manifest(shape="sessions")
    found = api.http.get(f"/v1/$export/{manifest['export']}", headers=READ).json()
    assert [(file["type"], file["count"]) for file in found["output"]] == [("sessions", 1)]


WRONG: list[tuple[str, dict[str, str], str]] = [
    ("", {}, "Prefer"),
    ("", {"prefer": "wait=10"}, "Prefer"),
    ("&_outputFormat=text/csv", {"prefer": "respond-async"}, "_outputFormat"),
    ("&_since=yesterday", {"prefer": "respond-async"}, "_since"),
    (f"&_since={iso(T0 * 2)}", {"prefer": "respond-async"}, "_since"),
    ("&_elements=id", {"prefer": "respond-async"}, "_elements"),
]


@pytest.mark.parametrize(("query", "headers", "where"), WRONG)
def test_what_is_wrong_with_a_kick_off_is_named(idle: Api, query: str, headers: Any, where: str) -> None:
    """A missing preference, formats that are none, instants that cannot be, parameters that are not known."""
    answer = idle.http.get(KICK_OFF + query, headers=READ | headers)
    assert (answer.status_code, answer.json()["where"]) == (400, where)


def test_asking_only_for_the_head_makes_no_export(idle: Api) -> None:
    """A kick-off by GET makes an export, HEAD makes none; the preference may stand among others."""
    assert idle.http.head(KICK_OFF, headers=ASYNC).status_code == 202
    assert idle.http.get("/v1/exports", headers=READ).json()["exports"] == []
    prefer = READ | {"prefer": "handling=lenient, Respond-Async; wait=1"}
    assert idle.http.get(KICK_OFF, headers=prefer).status_code == 202
    assert len(idle.http.get("/v1/exports", headers=READ).json()["exports"]) == 1
