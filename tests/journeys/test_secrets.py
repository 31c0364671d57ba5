"""No credential is found where it does not belong: in no line of a log, no row, no file, no answer that is an error.

`PLANTS` in tests/planted.py are the credentials that are chosen, `ERRANDS` the ways in which they travel: a new one is
a line in each. `Story.keep` adds those that a server makes up, and `misplaced` sends them where they do not belong.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import psycopg
import pytest
import sqlalchemy as sa

from tailrace.accounts.provisioning import read_provisioning
from tailrace.config import SETTINGS_FILE
from tailrace.wiring import initialise, open_house, provision
from tests.faults import error, proxy_before, reset
from tests.planted import APPS, ERRANDS, PLANTS, PROVISIONING, Errand, Plant, T, basic, bearer, misplaced
from tests.searching import database_of, embedded, execute, forms, objects, plain, rows_of
from tests.servers import Server, run
from tests.stores import S3Server
from tests.templates import postgres_server

WAIT_S = 60
SETTINGS = """
[seal]
interval_ms = 50
lease_ms = 1500
[exports]
lease_ms = 1500
pool = 'threads'
[delivery]
allow_networks = '127.0.0.0/8'
lease_ms = 1500
[log]
level = 'debug'
"""
_SIGNER = "a store's own secret signs links and hashes tokens; it lives in the store, and nowhere else"
_FORM = "the form is shown again with the link that works, so that what was wrong in it can be mended"
_HOOK = T["path of a webhook"]
_CREDENTIALS = {
    "access_key_id": T["tenant's s3 id"],
    "secret_access_key": T["tenant's s3 secret"],
    "session_token": T["tenant's s3 session"],
}
_WHOLE = {"app": "app_waves", "window": {"axis": "available"}, "packing": "none"}
# What an admin looks at when all goes well: the keys of apps are shown, nothing else is.
LOOKS = ("/v1/tokens?ended=true", "/v1/users", "/v1/audit?limit=1000", "/v1/exports", "/v1/me", "/v1/apps", "/metrics")


@dataclass
class Story:
    """A store, its processes' logs, every error that was answered, and the credentials that were made up."""

    data: Path
    errors: list[tuple[str, str]] = field(default_factory=list)
    looks: list[tuple[str, str]] = field(default_factory=list)
    made: dict[str, Plant] = field(default_factory=dict)

    @property
    def logs(self) -> list[Path]:
        return sorted(self.data.parent.rglob("*.log"))

    @property
    def out(self) -> Path:
        """What the server prints for whoever started it."""
        return self.data.parent / "out"

    def keep(self, name: str, text: str, may_be: Mapping[str, str] | None = None) -> str:
        """A credential that was made up is searched for from now on."""
        assert len(text) >= 16, name
        self.made[name] = Plant(name, text, may_be or {})
        return text

    def worker(self, name: str, **environment: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "tailrace", "worker", "--data", str(self.data), "--workers", "1"]
        with (self.data.parent / f"worker-{name}.log").open("ab") as out:
            return subprocess.Popen(command, env=os.environ | environment, stdout=out, stderr=out)

    def do(self, http: httpx.Client, errand: Errand, **names: str) -> httpx.Response:
        """Run an errand, and keep what is said of it if that is an error."""
        content = errand.body if isinstance(errand.body, bytes) else json.dumps(errand.body).encode()
        path = errand.path.format(**names)
        answer = http.request(errand.method, path, content=content, headers=dict(errand.headers))
        http.cookies.clear()
        if answer.status_code >= 400:
            told = "\n".join(f"{k}: {v}" for k, v in answer.headers.items())
            where = f"{errand.method} {errand.path.partition('?')[0]} -> {answer.status_code}"
            self.errors.append((where, f"{told}\n{answer.text}"))
        return answer

    def ask(
        self,
        http: httpx.Client,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: Any = b"",
        *,
        expect: tuple[int, ...] = (200, 201, 202),
    ) -> httpx.Response:
        """The same where it is known what comes of it."""
        answer = self.do(http, Errand(method, path, headers, body))
        assert answer.status_code in expect, (method, path, answer.text)
        return answer


@pytest.fixture
def story(
    backend: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Story]:
    """A store on SQLite and local files, or on PostgreSQL with a password and on S3 with credentials."""
    data = tmp_path / "data"
    data.mkdir()
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", T["s3 secret"])
    if backend == "sqlite":
        (data / SETTINGS_FILE).write_text(SETTINGS)
        yield _begun(Story(data))
        return
    moto: S3Server = request.getfixturevalue("moto")
    with postgres_server().database() as url:
        url = sa.make_url(url).set(password=T["database password"]).render_as_string(hide_password=False)
        place = f"s3://{moto.bucket()}/x"
        (data / SETTINGS_FILE).write_text(f'database = "{url}"\nfiles = "{place}"\n{SETTINGS}')
        for name, value in moto.environment.items():
            if name != "AWS_SECRET_ACCESS_KEY":
                monkeypatch.setenv(name, value)
        yield _begun(Story(data))


def _begun(story: Story) -> Story:
    """A new store, whose first set-up link is void as soon as the server prints another."""
    story.keep("void set-up token", initialise(story.data) or "")
    with open_house(story.data) as house:
        places = ("table store", "file meta.db", "file meta.db-wal")
        story.keep("the store's secret", house.identity.secret, dict.fromkeys(places, _SIGNER))
    return story


def test_secrets_stay_where_they_belong(story: Story) -> None:
    """A server and its workers go through successes, errors of all kinds, a killed export, a failure inside and an
    outage of the database; afterwards each credential is found in the places that its plant allows and nowhere else.
    """
    settings = (story.data / SETTINGS_FILE).read_text("utf-8")
    with Server(story.data, options=["--no-worker"], out=story.out) as server:
        with httpx.Client(base_url=server.url, timeout=60) as http:
            export = _travel(story, http)
            _fail_inside(story, settings, http, export)
            with _outage(settings):
                for errand in [*ERRANDS[::7], *misplaced(story.made["refreshed token"].text)]:
                    story.do(http, errand, export=export)
        done = run("doctor", "--data", story.data, "--json")
        (story.data.parent / "doctor.log").write_text(done.stdout + done.stderr)
    statuses = {int(where.rsplit(" ", 1)[1]) for where, _ in story.errors}
    expected = {400, 401, 403, 404, 405, 409, 416, 429, 500}
    assert statuses >= expected | (set() if embedded(settings) else {503}), statuses
    found = list(_found(story, settings))
    wrong = [line for line, allowed in found if not allowed]
    assert not wrong, "\n".join(wrong)
    # What is allowed was found, so the search does find; and what was made up is in the list of what is searched for.
    seen = {"write key in table apps", "token in an event in table dead_letters", "the store's secret in table store"}
    assert {(line, True) for line in seen} <= set(found)
    assert len(story.made) >= 18, sorted(story.made)
    assert any("request_id=" in path.read_text() for path in story.logs)


def _travel(story: Story, http: httpx.Client) -> str:
    """Everything that goes well with a credential, then all errands; an export."""
    _set_up(story, http)
    (wanted := story.data.parent / "wanted.toml").write_text(PROVISIONING)
    with open_house(story.data) as house:
        provision(house, read_provisioning(wanted))
    wanted.unlink()
    export = _export(story, http)
    _deliver(story, http)
    _tokens(story, http)
    _users(story, http)
    _keys(story, http)
    _sign_in(story, http)
    for path in LOOKS:
        answer = story.ask(http, "GET", path, bearer("token"))
        story.looks.append((path, f"{answer.headers}\n{answer.text}"))
    errands = [errand for plant in story.made.values() for errand in misplaced(plant.text)]
    for errand in [*ERRANDS, *errands]:
        story.do(http, errand, export=export)
    return export


def _set_up(story: Story, http: httpx.Client) -> None:
    """The link that was printed makes the first admin, once."""
    printed = re.search(r"/setup\?token=(\S+)", story.out.read_text())
    assert printed is not None
    token = story.keep("set-up token that works", printed[1], {"answer POST /setup -> 400": _FORM})
    first = {"token": token, "email": "root@example.com", "password": T["password of the first admin"]}
    story.ask(http, "POST", "/v1/setup", {}, first | {"token": story.made["void set-up token"].text}, expect=(403,))
    story.ask(http, "POST", "/v1/setup", {}, first | {"password": T["short password"]}, expect=(400,))
    story.ask(http, "GET", f"/setup?token={token}", {})
    form = f"token={token}&email=root%40example.com&password={T['short password']}&space=main"
    kind = {"content-type": "application/x-www-form-urlencoded"}
    story.ask(http, "POST", "/setup", kind, form.encode(), expect=(400,))
    story.ask(http, "POST", "/v1/setup", {}, first)
    story.ask(http, "POST", "/v1/setup", {}, first, expect=(403,))


def _export(story: Story, http: httpx.Client) -> str:
    """Events in, an export whose worker is killed on the way, files out by token and by link; the export."""
    events = [{"event": "go", "device_id": "d", "session": {"end": True}, "params": {"visible": n}} for n in range(3)]
    story.ask(http, "POST", "/v1/events", {"authorization": basic(T["write key"], "")}, {"batch": events})
    killed = _request(story, http)
    assert story.worker("dying", TAILRACE_TEST_KILL_AT="export.before_commit").wait(WAIT_S) == -signal.SIGKILL
    with _worker(story, "living"):
        _until("the killed export succeeds", lambda: _state(http, killed) == "succeeded")
        manifest = _until("the events are exported", lambda: _manifest_with_rows(story, http))
    for file in (*manifest["files"], manifest["schema"]):
        _links(story, http, file)
    return str(manifest["export"])


def _deliver(story: Story, http: httpx.Client) -> None:
    """Deliveries with secrets of their own: to a bucket that refuses and repeats what it was sent, to a receiver that
    breaks off, to one inside, by destinations that are kept; and requests for them that cannot be.
    """
    with proxy_before("http://127.0.0.1:1") as proxy:
        proxy.plan(error(403, "AccessDenied"), "PUT", times=100)
        proxy.plan(reset, "POST", times=100)
        bucket = {"kind": "s3", "bucket": "bucket", "endpoint": proxy.endpoint, **_CREDENTIALS}
        hook = {"kind": "webhook", "url": f"{proxy.endpoint}/{_HOOK}?token={_HOOK}", "secret": T["secret of a webhook"]}
        inside = hook | {"url": f"http://10.1.2.3/{_HOOK}"}
        for name, target in (("lake", bucket), ("ops", hook)):
            story.ask(http, "POST", "/v1/destinations", bearer("token"), {"name": name, "target": target})
        story.ask(http, "GET", "/v1/destinations", bearer("token"))
        kept = [{"kind": "s3", "destination": "lake"}, {"kind": "webhook", "destination": "ops"}]
        asked = [bucket, hook, inside, *kept]
        for loose in (
            [bucket | {"bucket": ""}],
            [bucket | {"session_token": [T["loose webhook"]]}],
            [bucket | {"endpoint": f"http://u:{T['loose webhook']}@h"}],
            [hook | {"url": f"ftp://{T['loose webhook']}/"}],
            [hook | {"secret": T["loose webhook"]}],
            [{"kind": T["loose webhook"]}],
            [{"kind": "webhook", "destination": "lake", "url": hook["url"]}],
        ):
            story.ask(http, "POST", "/v1/exports", bearer("token"), _WHOLE | {"deliveries": loose}, expect=(400,))
        export = story.ask(http, "POST", "/v1/exports", bearer("token"), _WHOLE | {"deliveries": asked}).json()["id"]
        with _worker(story, "courier"):
            path = f"/v1/exports/{export}/deliveries"
            _until("all were tried", lambda: all(one["attempts"] for one in _deliveries(http, path)))
            found = story.ask(http, "GET", path, bearer("token"))
        story.looks.append((path, f"{found.headers}\n{found.text}"))
        states = [one["state"] for one in found.json()["deliveries"]]
        assert states == ["failed", "pending", "failed", "failed", "pending"], found.text
        assert proxy.count("PUT") >= 2
        assert proxy.count("POST", _HOOK) >= 2


def _deliveries(http: httpx.Client, path: str) -> Any:
    return http.get(path, headers=bearer("token")).json()["deliveries"]


def _links(story: Story, http: httpx.Client, file: Mapping[str, Any]) -> None:
    """A signed link opens its file in all ways; altered, or at another path, it opens nothing."""
    link = urlsplit(file["url"])
    path, signature = f"{link.path}?{link.query}", parse_qs(link.query)["signature"][0]
    story.keep(f"signature of {file['name']}", signature)
    for method in ("GET", "HEAD"):
        story.ask(http, method, path, {})
    story.ask(http, "GET", path, bearer("token"))
    story.ask(http, "GET", path, {"range": "bytes=0-9"}, expect=(206,))
    story.ask(http, "GET", path, {"range": f"bytes={file['bytes']}-"}, expect=(416,))
    for wrong in (f"{path}x", path.replace("expires=", "expires=1"), f"{link.path}-other?{link.query}"):
        story.ask(http, "GET", wrong, {}, expect=(401,))
    story.ask(http, "GET", f"{path}&token={T['loose token']}", {}, expect=(400, 401))
    story.ask(http, "DELETE", path, {}, expect=(405,))


def _tokens(story: Story, http: httpx.Client) -> None:
    """Tokens by password, by token, refreshed with and without a grace, and revoked."""
    by_password = {"authorization": basic("ana@example.com", T["password"])}
    made = story.ask(http, "POST", "/v1/tokens", by_password).json()
    new = {"authorization": f"Bearer {story.keep('new token', made['token'])}"}
    path = f"/v1/tokens/{made['id']}"
    graced = story.ask(http, "POST", f"{path}:refresh", new, {"grace": 600}).json()
    story.keep("refreshed token", graced["token"])
    again = story.ask(http, "POST", f"/v1/tokens/{graced['id']}:refresh", bearer("token"), {}).json()
    story.keep("token refreshed again", again["token"])
    for _ in range(2):  # the second one ends the first
        reset = story.ask(http, "POST", "/v1/me/token:reset", new).json()
        story.keep(f"user token {reset['id']}", reset["token"])
    story.ask(http, "DELETE", f"/v1/tokens/{again['id']}", new)
    revoked = {"authorization": f"Bearer {again['token']}"}
    story.ask(http, "GET", "/v1/me", revoked, expect=(401,))


def _users(story: Story, http: httpx.Client) -> None:
    """A user with a password, another one, a token, and an end."""
    bob = {"email": "bob@example.com", "role": "standard"}
    made = story.ask(http, "POST", "/v1/users", bearer("token"), bob | {"password": T["password of a user"]}).json()
    path = f"/v1/users/{made['id']}"
    for password, status in ((T["password of a user"], 409), (T["short password"], 400)):
        story.ask(http, "POST", "/v1/users", bearer("token"), bob | {"password": password}, expect=(status,))
    story.ask(http, "PATCH", path, bearer("token"), {"password": T["changed password of a user"]})
    story.ask(http, "PATCH", path, bearer("token"), {"password": T["short password"]}, expect=(400,))
    token = story.ask(http, "POST", f"{path}/token:reset", bearer("token")).json()["token"]
    his = {"authorization": f"Bearer {story.keep('token of a user', token)}"}
    story.ask(http, "POST", "/v1/apps", his, {"id": "app_his"}, expect=(403,))
    story.ask(http, "DELETE", path, bearer("token"))
    story.ask(http, "GET", "/v1/me", his, expect=(401,))


def _keys(story: Story, http: httpx.Client) -> None:
    """Keys of an app, as they are made and made anew."""
    made = story.ask(http, "POST", "/v1/apps", bearer("token"), {"id": "app_made"}).json()
    for key, may_be in (("write_key", APPS), ("api_key", APPS), ("export_key", {})):
        if made[key] and key != "export_key":
            story.keep(f"first {key}", made[key], may_be)
        for number in range(2):
            rotated = story.ask(http, "POST", "/v1/apps/app_made/keys:rotate", bearer("token"), {"key": key}).json()
            story.keep(f"rotated {key} {number}", rotated["value"], may_be)


def _sign_in(story: Story, http: httpx.Client) -> None:
    """Login sessions, with their CSRF token and without; a changed password; and out."""
    session = _login(story, http, "session", T["password"])
    story.ask(http, "GET", "/v1/me", session)
    made = story.ask(http, "POST", "/v1/tokens", session, {"name": "from a page"}).json()
    story.keep("token by session", made["token"])
    for wrong in ({"x-csrf-token": T["csrf"]}, {"x-csrf-token": ""}, {"origin": "https://evil.example"}):
        story.ask(http, "POST", "/v1/tokens", session | wrong, expect=(403,))
    other = _login(story, http, "other session", T["password"])
    for current, new, status in (
        (T["wrong password"], T["new password"], 401),
        (T["password"], T["short password"], 400),
        (T["password"], T["new password"], 200),
    ):
        body = {"current": current, "password": new}
        story.ask(http, "POST", "/v1/me/password", session, body, expect=(status,))
    story.ask(http, "GET", "/v1/me", other, expect=(401,))
    _login(story, http, "session by the new password", T["new password"])
    story.ask(http, "POST", "/v1/logout", session)
    story.ask(http, "POST", "/v1/logout", session, expect=(401,))


def _login(story: Story, http: httpx.Client, name: str, password: str) -> dict[str, str]:
    """Headers of a new session."""
    answer = story.ask(http, "POST", "/v1/login", {}, {"email": "ana@example.com", "password": password})
    session = story.keep(name, answer.cookies["tailrace_session"])
    csrf = story.keep(f"csrf of {name}", answer.json()["csrf"])
    return {"cookie": f"tailrace_session={session}", "x-csrf-token": csrf}


@contextmanager
def _worker(story: Story, name: str) -> Iterator[None]:
    worker = story.worker(name)
    try:
        yield
    finally:
        worker.terminate()
        assert worker.wait(WAIT_S) == 0


def _request(story: Story, http: httpx.Client) -> str:
    body = {"app": "app_waves", "window": {"axis": "available"}, "packing": "none"}
    return str(story.ask(http, "POST", "/v1/exports", bearer("token"), body).json()["id"])


def _manifest_with_rows(story: Story, http: httpx.Client) -> Any:
    """The manifest of a new export if it holds the events: they are sealed soon."""
    export = _request(story, http)
    _until("it succeeds", lambda: _state(http, export) == "succeeded")
    manifest = http.get(f"/v1/exports/{export}/manifest", headers=bearer("token")).json()
    return manifest if manifest["rows"] == 3 else None


def _state(http: httpx.Client, export: str) -> str | None:
    state: str | None = http.get(f"/v1/exports/{export}", headers=bearer("token")).json().get("state")
    return state


def _until(what: str, condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + WAIT_S
    while not (found := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
    return found


def _fail_inside(story: Story, settings: str, http: httpx.Client, export: str) -> None:
    """A manifest that cannot be read makes the server fail, which it says with a traceback in its log."""
    execute(story.data, settings, f"UPDATE exports SET manifest = 'no manifest' WHERE id = '{export}'")  # noqa: S608
    path = f"/v1/exports/{export}/manifest"
    answer = story.do(http, Errand("GET", path, {**bearer("token"), "x-request-id": "told-by-me"}))
    assert (answer.status_code, answer.json()["request_id"]) == (500, "told-by-me")
    assert answer.headers["x-request-id"] == "told-by-me"


@contextmanager
def _outage(settings: str) -> Iterator[None]:
    """PostgreSQL lets nobody in."""
    if embedded(settings):
        yield
        return
    url = sa.make_url(database_of(settings))
    with psycopg.connect(plain(url.set(database="postgres")), autocommit=True) as admin:
        admin.execute(f'ALTER DATABASE "{url.database}" ALLOW_CONNECTIONS false')
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (url.database,))
        try:
            yield
        finally:
            admin.execute(f'ALTER DATABASE "{url.database}" ALLOW_CONNECTIONS true')


def _found(story: Story, settings: str) -> Iterator[tuple[str, bool]]:
    """What was found where, and whether it may be there."""
    plants = [(plant, forms(plant.text)) for plant in (*PLANTS.values(), *story.made.values())]
    for place, content in _everything(story, settings):
        for plant, texts in plants:
            if any(text in content for text in texts):
                yield f"{plant.name} in {place}", place in plant.may_be


def _everything(story: Story, settings: str) -> Iterator[tuple[str, bytes]]:
    for path in story.logs:
        yield f"log {path.name}", path.read_bytes()
    for where, text in story.errors:
        yield f"answer {where}", text.encode()
    for where, text in story.looks:
        yield f"look {where}", text.encode()
    yield from rows_of(story.data, settings)
    yield from objects(story.data)
