"""docs/api.md, "Ask for an export" to "Tokens": what a reader may rely on."""

import dataclasses
import gzip
import hashlib
import json
import re
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import xxhash
from msgspec.structs import replace
from sqlalchemy import update

from tailrace.accounts.limits import set_limits
from tailrace.accounts.provisioning import read_provisioning
from tailrace.db.tables import app_heads, exports
from tailrace.exports.records import count_unfinished
from tailrace.exports.run import run_export
from tailrace.exports.verify.verifying import verify
from tailrace.jobs.queue import claim
from tailrace.model.clock import HOUR, MINUTE, SECOND, iso, parse_iso
from tailrace.model.fields import DEFAULT_EVENT_COLUMNS, EVENT_ROW_COLUMNS
from tailrace.upkeep.sweep import sweep
from tailrace.wiring import provision
from tests.contract.live import READ, live
from tests.contract.native.conftest import EVERYTHING, Api, Row
from tests.sending import T0, event, seal

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def window(axis: str, start: int | None, end: int | None) -> Row:
    """A window as a request gives it."""
    return {"axis": axis, "from": None if start is None else iso(start), "to": None if end is None else iso(end)}


def names(rows: list[Row]) -> list[str]:
    """The event names of rows, sorted."""
    return sorted(row["event"] for row in rows)


@pytest.fixture
def filled(api: Api) -> Api:
    """Three sessions of two versions: a and b within a minute, c an hour later, d the next day."""
    api.send(
        event("a", T0, session="s1") | {"session": {"app_version": "1"}},
        event("b", T0 + MINUTE, session="s1"),
        event("c", T0 + HOUR, session="s2") | {"session": {"app_version": "2"}},
        event("d", T0 + 24 * HOUR, session="s3"),
    )
    api.seal()
    return api


def test_asking(filled: Api) -> None:
    """202 with Location and Retry-After; the status is as documented and ends as succeeded."""
    asked = filled.ask(window("event_time", T0, T0 + HOUR))
    body = asked.json()
    assert asked.status_code == 202
    assert int(asked.headers["retry-after"]) >= 1
    assert asked.headers["location"] == f"{filled.http.base_url}/v1/exports/{body['id']}".replace("//v1", "/v1")
    assert (body["app"], body["state"], body["progress"]["percent"]) == ("app_waves", "queued", 0)
    done = filled.wait(asked.headers["location"])
    assert done["state"] == "succeeded"
    assert done["progress"] == {"slices": 1, "slices_done": 1, "percent": 100}
    assert done["request"]["window"] == window("event_time", T0, T0 + HOUR)


def test_windows_are_half_open(filled: Api) -> None:
    """On event time `from` is inside and `to` is not; on session start a session comes with all its events."""
    assert names(filled.rows(window("event_time", T0, T0 + MINUTE))) == ["a"]
    assert names(filled.rows(window("event_time", T0 + 1, T0 + HOUR + 1))) == ["b", "c"]
    assert names(filled.rows(window("session_start", T0, T0 + 1))) == ["a", "b"]
    assert names(filled.rows(window("session_start", T0 + 1, T0 + HOUR))) == []
    assert names(filled.rows(window("available", None, None))) == ["a", "b", "c", "d"]


def test_filters_and_columns(filled: Api) -> None:
    """Names and versions choose events, columns come in the order asked for."""
    assert names(filled.rows(filters={"events": ["a", "d", "nobody"]})) == ["a", "d"]
    assert names(filled.rows(filters={"versions": ["1"]})) == ["a", "b"]
    assert names(filled.rows(filters={"events": ["b", "c"], "versions": ["1"]})) == ["b"]
    rows = filled.rows(columns=["event", "app_version", "id"], filters={"versions": ["2"]})
    assert [list(row) for row in rows] == [["event", "app_version", "id"]]


WRONG: list[tuple[Row, str]] = [
    ({"wat": 1}, "wat"),
    ({"app": 7}, "app"),
    ({"window": None}, "window"),
    ({"window": {"axis": "wat"}}, "window.axis"),
    ({"window": {"axis": "available", "wat": 1}}, "window.wat"),
    ({"window": {"from": None}}, "window.axis"),
    ({"window": {"axis": "event_time"}}, "window"),
    ({"window": {"axis": "session_start", "from": "2026-01-01T00:00:00Z"}}, "window"),
    ({"window": window("event_time", T0, T0)}, "window.to"),
    ({"window": window("event_time", T0, T0 - 1)}, "window.to"),
    ({"window": {"axis": "event_time", "from": "2026-01-01", "to": "2026-01-02"}}, "window.from"),
    ({"window": {"axis": "event_time", "from": "2026-01-01T00:00:00Z", "to": "soon"}}, "window.to"),
    (
        {"window": {"axis": "event_time", "from": "0001-01-01T00:00:00+14:00", "to": "2026-01-01T00:00:00Z"}},
        "window.from",
    ),
    ({"window": window("event_time", T0, T0 + 1), "after": "x"}, "after"),
    ({"window": window("available", T0, None), "after": "x"}, "after"),
    ({"shape": "wat"}, "shape"),
    ({"shape": "tables", "split": "day"}, "split"),
    ({"shape": "tables", "columns": ["id", "params"]}, "columns"),
    ({"shape": "sessions", "split": "event"}, "split"),
    ({"shape": "sessions", "columns": ["id", "time"]}, "columns"),
    ({"format": "wat"}, "format"),
    ({"format": "parquet", "packing": "gzip"}, "packing"),
    ({"format": "parquet", "json_array": True}, "json_array"),
    ({"format": "json", "csv_safe": True}, "csv_safe"),
    ({"json_array": 1}, "json_array"),
    ({"packing": "wat"}, "packing"),
    ({"packing": "lz4"}, "packing"),
    ({"split": "daily"}, "split"),
    ({"split": "size", "file_bytes": 999_999}, "file_bytes"),
    ({"file_bytes": -1}, "file_bytes"),
    ({"file_bytes": 1e300}, "file_bytes"),
    ({"file_bytes": "1"}, "file_bytes"),
    ({"filters": {"wat": []}}, "filters.wat"),
    ({"filters": {"events": [1]}}, "filters.events[0]"),
    ({"filters": {"where": {}}}, "filters.where"),
    ({"filters": {"where": [7]}}, "filters.where[0]"),
    ({"filters": {"where": [{}]}}, "filters.where[0]"),
    (
        {"filters": {"where": [{"param": "a", "op": "eq", "value": 1}, {"field": "wat", "op": "exists"}]}},
        "filters.where[1].field",
    ),
    ({"filters": {"where": [{"param": "a", "op": "gt", "value": True}]}}, "filters.where[0].value"),
    ({"columns": []}, "columns"),
    ({"columns": ["wat"]}, "columns"),
    ({"columns": ["id", "id"]}, "columns"),
]


def test_what_is_wrong_is_named(api: Api) -> None:
    """Unknown keys and impossible values are `invalid_request`, `where` is their path; no export is made."""
    for change, where in WRONG:
        answer = api.http.post("/v1/exports", json={"app": "app_waves", "window": EVERYTHING} | change, headers=READ)
        body = answer.json()
        assert (answer.status_code, body["code"], body["where"]) == (400, "invalid_request", where), change
        assert body["detail"].startswith(f"{where}: "), change
    for body_ in (b"", b"{", b"\xff", b'{"app":"\\ud800"}', b'{"app":' + b"[" * 100_000, b"no"):
        answer = api.http.post("/v1/exports", content=body_, headers=READ)
        assert answer.status_code == 400, body_[:20]
        assert answer.json()["code"] in ("malformed_body", "invalid_request"), body_[:20]
    assert api.http.post("/v1/exports", content=bytes(1 << 20) + b" ", headers=READ).status_code == 413
    with api.house.database.read() as connection:
        assert connection.execute(exports.select()).all() == []


def test_defaults_go_by_shape_and_format(api: Api) -> None:
    """What is not said fits what is; the status shows the request in full, and as such it can be sent again."""
    for asked, meant in (
        ({}, ("events", "json", "gzip", "single")),
        ({"shape": "sessions"}, ("sessions", "json", "gzip", "size")),
        ({"shape": "tables", "format": "parquet"}, ("tables", "parquet", "none", "event")),
        ({"format": "csv", "csv_safe": True, "packing": "zip"}, ("events", "csv", "zip", "single")),
    ):
        made = api.ask(**asked)
        assert made.status_code == 202, made.text
        shown = made.json()["request"]
        assert tuple(shown[key] for key in ("shape", "format", "packing", "split")) == meant
        again = api.http.post("/v1/exports", json=shown, headers=READ)
        assert (again.status_code, again.json()["request"]) == (202, shown)


def test_predicates_choose_events(filled: Api) -> None:
    """`filters.where` keeps what matches all of it, and the request shows it as it was meant."""
    where = [{"field": "app_version", "op": "eq", "value": "1"}, {"field": "event", "op": "neq", "value": ["a", "x"]}]
    manifest = filled.manifest(filters={"where": where})
    assert names([json.loads(line) for line in filled.lines(manifest)]) == ["b"]
    assert manifest["filtered"] is True
    assert filled.rows(filters=manifest["request"]["filters"]) == filled.rows(filters={"where": where})


def test_a_key_that_is_missing_is_named(api: Api) -> None:
    """`app` and `window` are needed."""
    for body, where in (({"window": EVERYTHING}, "app"), ({"app": "app_waves"}, "window")):
        answer = api.http.post("/v1/exports", json=body, headers=READ).json()
        assert (answer["code"], answer["where"]) == ("invalid_request", where)


def test_states_and_what_is_not_ready(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every documented state is shown as it is, and an export that has not succeeded has no manifest and no file."""
    monkeypatch.setattr("tailrace.worker.claim", lambda *_: None)  # nobody works
    location = api.ask().headers["location"]
    documented = re.search(r"^`state` is one of (.*)\.$", DOCS, re.MULTILINE)
    assert documented
    states = re.findall(r"`(\w+)`", documented[1])
    assert len(states) == 6
    for state in states:
        with api.house.database.write() as connection:
            connection.execute(update(exports).values(state=state, manifest='{"files": [], "schema": {"name": "s"}}'))
        assert api.http.get(location, headers=READ).json()["state"] == state
        for path in ("/manifest", "/files/x"):
            answer = api.http.get(location + path, headers=READ)
            if state == "expired":
                assert (answer.status_code, answer.json()["code"]) == (410, "expired")
            elif state != "succeeded":
                assert (answer.status_code, answer.json()["code"], answer.json()["state"]) == (409, "not_ready", state)
                assert answer.json()["retryable"] is (state in ("queued", "running"))


def test_files_have_a_life(filled: Api) -> None:
    """The status says when they expire, seven days after success; then manifest and files are 410 until asked again."""
    asked = filled.ask()
    location = asked.headers["location"]
    assert asked.json()["expires_at"] is None
    status = filled.wait(location)
    assert parse_iso(status["expires_at"]) - parse_iso(status["finished_at"]) == 7 * 24 * HOUR
    manifest = filled.http.get(location + "/manifest", headers=READ).json()
    over = parse_iso(status["finished_at"]) - 2 * HOUR
    with filled.house.database.write() as connection:
        connection.execute(update(exports).values(expires_at=over))
    sweep(filled.house.sweeper(), filled.scope(), lambda: None)
    status = filled.http.get(location, headers=READ).json()
    assert (status["state"], status["expires_at"]) == ("expired", iso(over))
    for url in (f"{location}/manifest", manifest["files"][0]["url"], manifest["schema"]["url"]):
        answer = filled.http.get(url, headers=READ)
        assert (answer.status_code, answer.json()["code"], answer.json()["retryable"]) == (410, "expired", False)
        assert answer.json()["expired_at"] == iso(over)
    again = filled.manifest()
    assert [file["content_sha256"] for file in again["files"]] == [f["content_sha256"] for f in manifest["files"]]


def test_cancelling_what_waits(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has ended when the answer comes, with its job: nobody works on it any more, and it makes room for others."""
    monkeypatch.setattr("tailrace.worker.claim", lambda *_: None)  # nobody works
    location = api.ask().headers["location"]
    answer = api.http.delete(location, headers=READ)
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert INSTANT.fullmatch(answer.json()["finished_at"])
    assert claim(api.house.database, "export", "test", 60_000) is None
    with api.house.database.read() as connection:
        assert count_unfinished(connection, api.scope().space) == 0
    refused = api.http.get(f"{location}/manifest", headers=READ)
    assert (refused.status_code, refused.json()["state"], refused.json()["retryable"]) == (409, "cancelled", False)


def test_cancelling_what_runs(filled: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """202 while a worker has it; the worker ends it as cancelled, and nothing of it stays."""
    monkeypatch.setattr("tailrace.worker.claim", lambda *_: None)  # the test works
    location = filled.ask().headers["location"]
    job = claim(filled.house.database, "export", "test", 60_000)
    assert job is not None
    for _ in range(2):
        answer = filled.http.delete(location, headers=READ)
        assert (answer.status_code, answer.json()["state"]) == (202, "queued")
        assert int(answer.headers["retry-after"]) >= 1
    with filled.house.runner() as runner:
        run_export(runner, job)
    status = filled.http.get(location, headers=READ).json()
    assert (status["state"], status["error"]) == ("cancelled", None)
    assert filled.http.delete(location, headers=READ).json() == status
    assert not [path for path in (filled.house.data / "files").rglob("exports/**/*") if path.is_file()]


def test_cancelling_what_has_ended(filled: Api) -> None:
    """200 with the state as it was, however often; its files can still be had."""
    manifest = filled.manifest()
    location = f"/v1/exports/{manifest['export']}"
    before = filled.http.get(location, headers=READ).json()
    for _ in range(2):
        answer = filled.http.delete(location, headers=READ)
        assert (answer.status_code, answer.json()) == (200, before)
    assert before["state"] == "succeeded"
    assert len(filled.lines(manifest)) == manifest["rows"] == 4


DOCS = (Path(__file__).resolve().parents[3] / "docs" / "api.md").read_text("utf-8")


def test_a_chain_holds_each_event_once(filled: Api) -> None:
    """`cursor` continues where the last export ended, late events are in the increment in which they came."""
    first = filled.manifest()
    assert (first["previous_cursor"], first["totals_before"]["events"]) == (None, 0)
    filled.send(event("late", T0 + SECOND, session="s1"), event("new", T0 + 48 * HOUR, session="s9"))
    filled.seal()
    second = filled.manifest(after=first["cursor"], columns=["event", "session_id", "fragment"])
    rows = [json.loads(line) for line in filled.lines(second)]
    assert sorted((row["event"], row["fragment"]) for row in rows) == [("late", 1), ("new", 0)]
    assert (second["previous_cursor"], second["totals_before"]) == (first["cursor"], first["totals_after"])
    assert second["totals_after"]["events"] - second["totals_before"]["events"] == second["rows"] == 2
    third = filled.manifest(after=second["cursor"])
    assert (third["files"], third["rows"], third["bytes"]) == ([], 0, 0)
    assert filled.manifest(after=first["cursor"])["rows"] == 2, "a cursor may be used again"


def test_a_cursor_that_cannot_continue_says_why(filled: Api) -> None:
    """Each documented reason of `cursor_refused` can be reached, and says what to do."""
    cursor = filled.manifest()["cursor"]
    house = filled.house
    refused = {
        "unreadable": filled.ask(after=cursor[:-2] + "xx"),
        "request": filled.ask(after=cursor, filters={"events": ["a"]}),
        "app": filled.http.post(
            "/v1/exports", json={"app": "app_tides", "window": EVERYTHING, "after": cursor}, headers=READ
        ),
    }
    with house.database.write() as connection:
        connection.execute(update(app_heads).values(seq=0))
    refused["ahead"] = filled.ask(after=cursor)
    restored = replace(house, identity=dataclasses.replace(house.identity, epoch="another"))
    with live(restored) as http:
        body = {"app": "app_waves", "window": EVERYTHING, "after": cursor}
        refused["epoch"] = http.post("/v1/exports", json=body, headers=READ)
    for reason, answer in refused.items():
        assert (answer.status_code, answer.json()["code"], answer.json()["reason"]) == (409, "cursor_refused", reason)


def test_windows_of_availability_in_clock_time(filled: Api) -> None:
    """A little ahead the export waits for its end, further ahead it is refused, and half an hour ago it is empty."""
    now = filled.house.clock.now()
    soon = filled.ask(window("available", None, now + 700))
    assert soon.status_code == 202
    filled.wait(soon.headers["location"])
    assert filled.house.clock.now() >= now + 700
    far = filled.ask(window("available", None, now + 16 * MINUTE))
    assert (far.status_code, far.json()["code"], far.json()["retryable"]) == (400, "window_in_future", True)
    assert filled.rows(window("available", None, now - 30 * MINUTE)) == []


def test_windows_on_other_axes_name_their_snapshot(filled: Api) -> None:
    """`snapshot_seq` and `complete_through` say what the export read; totals and cursor are null."""
    first = filled.manifest(window("event_time", T0, T0 + HOUR))
    filled.send(event("later", T0 + SECOND, session="s1"))
    filled.seal()
    second = filled.manifest(window("event_time", T0, T0 + HOUR))
    assert (second["snapshot_seq"], first["rows"], second["rows"]) == (first["snapshot_seq"] + 1, 2, 3)
    for manifest in (first, second):
        assert [manifest[key] for key in ("cursor", "previous_cursor", "totals_before", "totals_after")] == [None] * 4
        assert INSTANT.fullmatch(manifest["complete_through"])


def test_the_manifest_describes_its_files(filled: Api, tmp_path: Path) -> None:
    """Every documented key is there; rows, bytes, hashes and times are those of the bytes that are downloaded."""
    manifest = filled.manifest()
    example = json.loads(re.search(r"## Manifest and files.*?```json\n(.*?)```", DOCS, re.DOTALL)[1])  # type: ignore[index]
    assert manifest.keys() >= example.keys()
    (file,) = manifest["files"]
    assert file.keys() >= example["files"][0].keys()
    answer = filled.http.get(file["url"], headers=READ)
    data = answer.content
    assert urlsplit(file["url"]).path == f"/v1/exports/{manifest['export']}/files/{file['name']}"
    assert answer.headers["content-type"] == "application/gzip"
    assert "content-encoding" not in answer.headers
    assert int(answer.headers["content-length"]) == len(data) == file["bytes"] == manifest["bytes"]
    assert hashlib.sha256(data).hexdigest() == file["sha256"]
    lines = gzip.decompress(data).splitlines()
    assert len(lines) == file["rows"] == manifest["rows"] == 4
    assert content_digest(lines) == file["content_sha256"]
    times = sorted(json.loads(line)["time"] for line in lines)
    assert (file["min_time"], file["max_time"]) == (times[0], times[-1])
    member = zlib.decompressobj(31)
    member.decompress(data)
    assert (member.eof, member.unused_data) == (True, b""), "one gzip member"
    head = filled.http.head(file["url"], headers=READ)
    assert (head.headers["content-length"], head.content) == (str(len(data)), b"")
    folder = tmp_path / "download"
    folder.mkdir()
    (folder / file["name"]).write_bytes(data)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert verify([folder], lambda _done, _total: None).ok
    (folder / file["name"]).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert not verify([folder], lambda _done, _total: None).ok


def content_digest(lines: list[bytes]) -> str:
    """The sentence of the page, written down once more."""
    total = sum(xxhash.xxh3_128_intdigest(line) for line in lines) % (1 << 128)
    return hashlib.sha256(f"tailrace-rows-1 {len(lines)} {total:032x}".encode()).hexdigest()


def test_rows(filled: Api) -> None:
    """One object per line without empty keys, first columns first, UTC with milliseconds, the same bytes again."""
    manifest = filled.manifest()
    lines = filled.lines(manifest)
    rows = [json.loads(line) for line in lines]
    for row in rows:
        order = [name for name in EVENT_ROW_COLUMNS if name in row]
        assert list(row) == order
        assert None not in row.values()
        assert set(row) <= set(DEFAULT_EVENT_COLUMNS)
        assert all(INSTANT.fullmatch(row[key]) for key in ("time", "received_at", "session_start", "session_end"))
        assert parse_iso(row["received_at"]) >= parse_iso(row["time"])
    documented = re.search(r"A key without|a key without a value is left out\.\n?(.*?) come first", DOCS, re.DOTALL)
    assert documented
    assert EVENT_ROW_COLUMNS[:8] == tuple(re.findall(r"`(\w+)`", documented[1]))
    assert [row["event"] for row in rows] == ["a", "b", "c", "d"]
    again = filled.manifest()
    assert [f["sha256"] for f in again["files"]] == [f["sha256"] for f in manifest["files"]]


def test_two_stores_with_the_same_rows_give_the_same_digest(filled: Api) -> None:
    """The digest does not depend on order or on when things came: another app that got them backwards has the same."""
    columns = ["id", "event", "time", "session_id", "params"]
    records = [event(name, T0 + n, params={"n": n}) for n, name in enumerate("xyz")]
    for key, sent in (("wk_waves", records), ("wk_tides", records[::-1])):
        for record in sent:
            filled.http.post("/v1/events", json=record, headers={"authorization": f"Bearer {key}"})
    filled.seal()
    seal(filled.house, filled.scope("app_tides"))
    digests = []
    for app in ("app_waves", "app_tides"):
        body: dict[str, Any] = {"columns": columns, "filters": {"events": ["x", "y", "z"]}, "app": app}
        (file,) = filled.manifest(**body)["files"]
        digests.append((file["rows"], file["content_sha256"]))
    assert digests[0] == digests[1]
    assert digests[0][0] == 3


def test_too_many_running(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many unfinished exports as the space may have, then 429 until one has finished."""
    monkeypatch.setattr("tailrace.worker.claim", lambda *_: None)
    with api.house.database.write() as connection:
        set_limits(connection, {"exports.max_running": 2})
    assert [api.ask().status_code for _ in range(3)] == [202, 202, 429]
    refused = api.ask()
    assert (refused.json()["code"], refused.json()["limit"], refused.json()["retryable"]) == (
        "too_many_running",
        2,
        True,
    )
    with api.house.database.write() as connection:
        connection.execute(update(exports).values(state="failed"))
    assert api.ask().status_code == 202


def test_scopes(api: Api, tmp_path: Path) -> None:
    """`exports.create` may ask and not read, `exports.read` the reverse; what is missing is named."""
    path = tmp_path / "more.toml"
    path.write_text(
        '[[spaces]]\nid = "acme"\n'
        '[[spaces.tokens]]\nvalue = "tok_ask"\nuser = "ana@example.com"\nscopes = ["exports.create"]\n'
        '[[spaces.tokens]]\nvalue = "tok_read"\nuser = "ana@example.com"\nscopes = ["exports.read"]\n'
    )
    provision(api.house, read_provisioning(path))
    ask, read = ({"authorization": f"Bearer {token}"} for token in ("tok_ask", "tok_read"))
    asked = api.ask(headers=ask)
    assert asked.status_code == 202
    location = asked.headers["location"]
    assert api.http.get(location, headers=read).status_code == 200
    assert api.http.delete(location, headers=ask).is_success
    for answer, needs in (
        (api.http.get(location, headers=ask), "exports.read"),
        (api.ask(headers=read), "exports.create"),
        (api.http.delete(location, headers=read), "exports.create"),
    ):
        assert (answer.status_code, answer.json()["code"], answer.json()["needs"]) == (403, "forbidden", needs)


def test_wrong_paths_and_methods_are_problems_too(api: Api) -> None:
    """404 and 405, below /v1 and elsewhere, are problem documents; 405 names what is allowed."""
    for path in ("/nope", "/v1", "/v1/nope", "/v1/exports/x/nope", "/v1/exports/x/files/a/b"):
        answer = api.http.get(path, headers=READ)
        assert (answer.status_code, answer.json()["code"]) == (404, "no_such_path"), path
        assert answer.headers["content-type"] == "application/problem+json", path
    for method, path, allowed in (
        ("GET", "/v1/events", {"POST"}),
        ("PUT", "/v1/exports/x", {"GET", "HEAD", "DELETE"}),
        ("POST", "/healthz", {"GET", "HEAD"}),
    ):
        answer = api.http.request(method, path)
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed"), path
        assert set(answer.headers["allow"].split(", ")) == allowed
        assert answer.headers["content-type"] == "application/problem+json"


def test_what_is_not_there_is_not_found(api: Api) -> None:
    """Unknown apps, exports and files are 404, also under names that no database can hold."""
    location = api.ask().headers["location"]
    api.wait(location)
    for path in ("/v1/exports/nope", "/v1/exports/a%00b", f"{location}/files/nope", f"{location}/files/a%00b"):
        answer = api.http.get(path, headers=READ)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
    for app in ("nope", "", "a\0b", "app_other"):
        answer = api.http.post("/v1/exports", json={"app": app, "window": EVERYTHING}, headers=READ)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), app
