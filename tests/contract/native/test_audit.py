"""The audit over HTTP: who did what, from where; for all to read who may, and for nobody to change."""

import json
from typing import Any

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import DatabaseError

from tailrace.accounts.audit import ACTIONS, Actor, Download, in_space, note_downloads, page
from tailrace.db.tables import audit
from tests.contract.live import READ
from tests.contract.native.conftest import Api, as_
from tests.noting import tell


def entries(api: Api, query: str = "", token: str = "tok_ana") -> list[Any]:
    """A page of the audit."""
    answer = api.http.get(f"/v1/audit{query}", headers=as_(token))
    assert answer.status_code == 200, answer.text
    found: list[Any] = answer.json()["entries"]
    return found


def test_what_is_done_is_told(quiet: Api) -> None:
    """Each action leaves an entry with its doer, token, address and subject, in the transaction that does it."""
    http = quiet.http
    me = http.get("/v1/me", headers=READ).json()["id"]
    token = http.post("/v1/tokens", json={"name": "t", "scopes": ["exports.read"]}, headers=READ).json()
    again = http.post(f"/v1/tokens/{token['id']}:refresh", headers=READ).json()
    http.delete(f"/v1/tokens/{again['id']}", headers=READ)
    http.post("/v1/me/token:reset", headers=READ)
    user = http.post("/v1/users", json={"email": "u@example.com"}, headers=READ).json()["id"]
    http.patch(f"/v1/users/{user}", json={"role": "architect", "password": "a long enough one"}, headers=READ)
    http.delete(f"/v1/users/{user}", headers=READ)
    http.patch(f"/v1/users/{user}", json={"disabled": False}, headers=READ)
    http.post("/v1/apps", json={"id": "app_new"}, headers=READ)
    http.patch("/v1/apps/app_new", json={"name": "New"}, headers=READ)
    http.post("/v1/apps/app_new/keys:rotate", json={"key": "export_key"}, headers=READ)
    export = quiet.ask().json()["id"]
    http.delete(f"/v1/exports/{export}", headers=READ)
    http.post("/v1/login", json={"email": "ana@example.com", "password": "wrong"})
    http.post("/v1/login", json={"email": "nobody@example.com", "password": "wrong"})
    http.post("/v1/login", json={"email": "ana@example.com", "password": "correct horse"})
    http.post("/v1/logout:everywhere", headers=READ)
    http.cookies.clear()
    told = [(entry["action"], entry["subject"], entry["app"]) for entry in reversed(entries(quiet))]
    assert told[1:] == [
        ("token.made", token["id"], None),
        ("token.refreshed", token["id"], None),
        ("token.revoked", again["id"], None),
        ("token.reset", me, None),
        ("user.made", user, None),
        ("password.changed", user, None),
        ("user.changed", user, None),
        ("user.disabled", user, None),
        ("user.changed", user, None),
        ("app.made", "app_new", "app_new"),
        ("app.changed", "app_new", "app_new"),
        ("app.keys_rotated", "app_new", "app_new"),
        ("export.requested", export, "app_waves"),
        ("export.cancelled", export, "app_waves"),
        ("login.failed", me, None),
        ("login.succeeded", me, None),
        ("login.ended", me, None),
    ]
    assert told[0][0] == "provisioning.applied"
    for entry in entries(quiet)[:-1]:
        assert (entry["who"], entry["user"], entry["address"]) == ("ana@example.com", me, "127.0.0.1"), entry
        assert (entry["token"] is None) == (entry["action"] == "login.failed"), entry
    assert entries(quiet, "?action=user.changed")[1]["detail"] == {"of": "u@example.com", "role": "architect"}
    text = json.dumps(entries(quiet))
    for secret in (token["token"], again["token"], "a long enough one", "correct horse", "wrong"):
        assert secret not in text


def test_refusals_and_failures_tell_nothing(quiet: Api) -> None:
    """What was not done is not in the audit: it is written, or not, together with what it tells of."""
    before = entries(quiet)
    me = quiet.http.get("/v1/me", headers=READ).json()["id"]
    for method, path, body in (
        ("DELETE", f"/v1/users/{me}", None),
        ("POST", "/v1/users", {"email": "ana@example.com"}),
        ("POST", "/v1/tokens", {"scopes": ["wat"]}),
        ("POST", "/v1/apps", {"id": "app_other"}),
        ("POST", "/v1/exports", {"app": "nope", "window": {"axis": "available"}}),
    ):
        assert quiet.http.request(method, path, json=body, headers=READ).is_error
    assert entries(quiet) == before


def test_filters_pages_and_lines(quiet: Api) -> None:
    """By action and time; in pages that join; as NDJSON all at once, the same entries."""
    database = quiet.house.database
    number = quiet.scope().space
    with database.read() as connection:
        begin = database.now(connection)
    for n in range(5):
        tell(database, Actor(number, "op"), "app.changed" if n % 2 else "app.made", f"a{n}", app="app_waves")
    note_downloads(database, [Download(Actor(number, "link"), "exp_1", "app_waves", "x.json")])
    (shown,) = entries(quiet, "?action=file.downloaded")
    assert (shown["subject"], shown["detail"], shown["user"]) == ("exp_1", {"file": "x.json"}, None)
    assert [entry["subject"] for entry in entries(quiet, "?action=app.changed")] == ["a3", "a1"]
    assert entries(quiet, "?action=wat") == entries(quiet, "?action=%00") == []
    whole = entries(quiet)
    assert entries(quiet, "?from=2999-01-01T00:00:00Z") == entries(quiet, "?to=2000-01-01T00:00:00Z") == []
    third = whole[2]["at"]
    assert entries(quiet, f"?from={third}") + entries(quiet, f"?to={third}") == whole
    assert begin <= page(database, in_space("acme"), 1)[0].at
    pages: list[Any] = []
    after: str | None = ""
    while after is not None:
        found = quiet.http.get(f"/v1/audit?limit=2{after and f'&after={after}'}", headers=READ).json()
        pages, after = pages + found["entries"], found["next"]
    assert pages == whole
    lines = quiet.http.get("/v1/audit", headers=READ | {"accept": "application/x-ndjson"})
    assert lines.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line) for line in lines.text.splitlines()] == whole
    for wrong in ("from=soon", "to=2020-01-01", "after=x", "wat=1"):
        assert quiet.http.get(f"/v1/audit?{wrong}", headers=READ).status_code == 400, wrong


def test_more_lines_than_are_read_at_a_time(quiet: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long audit comes out whole."""
    monkeypatch.setattr("tailrace.accounts.audit._PAGE", 3)
    for n in range(10):
        tell(quiet.house.database, Actor(quiet.scope().space, "op"), "app.made", f"a{n}")
    lines = quiet.http.get("/v1/audit", headers=READ | {"accept": "application/x-ndjson"}).text.splitlines()
    assert [json.loads(line)["subject"] for line in lines[:10]] == [f"a{n}" for n in reversed(range(10))]
    assert len(lines) == len(entries(quiet))


def test_who_may_read_it(quiet: Api) -> None:
    """Admins and architects; another space's entries are in none; who is granted some apps sees what is about those."""
    number = quiet.scope().space
    for app in ("app_waves", "app_tides", None):
        tell(quiet.house.database, Actor(number, "op"), "app.changed", str(app), app=app)
    user = quiet.http.post("/v1/users", json={"email": "s@example.com"}, headers=READ).json()["id"]
    standard = quiet.http.post("/v1/tokens", json={"user": user}, headers=READ).json()["token"]
    assert quiet.http.get("/v1/audit", headers=as_(standard)).json()["needs"] == "audit.read"
    tides = quiet.http.post("/v1/tokens", json={"apps": ["app_tides"]}, headers=READ).json()["token"]
    seen = entries(quiet, token=tides)
    assert {entry["app"] for entry in seen} == {"app_tides", None}
    assert {entry["who"] for entry in seen if entry["app"] is None} == {"ana@example.com"}
    assert {entry["who"] for entry in entries(quiet, token="tok_bob")} == {"tailrace apply"}


def test_nobody_changes_it(quiet: Api) -> None:
    """The database itself refuses; an action that the audit does not know cannot be told."""
    for change in (update(audit).values(who="x"), delete(audit)):
        with pytest.raises(DatabaseError, match="append-only"), quiet.house.database.write() as connection:
            connection.execute(change)
    with pytest.raises(LookupError):
        tell(quiet.house.database, Actor(1, "op"), "app.wat", "x")
    assert all(ACTIONS.values())
