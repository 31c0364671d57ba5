"""No credential is found where it does not belong: in no line of a log, no row, no file, no answer that is an error.

`PLANTS` are the credentials, `ERRANDS` the ways in which they travel: a new one is a line in each.
"""

import base64
import gzip
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psycopg
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from tailrace.accounts.provisioning import read_provisioning
from tailrace.config import SETTINGS_FILE
from tailrace.wiring import initialise, open_house, provision
from tests.servers import Server, run
from tests.stores import S3Server
from tests.templates import postgres_server

WAIT_S = 60
_IN_CLEAR = "an SDK holds it; admins are shown it again, so it is kept in clear by design"
_KEPT = "what is sent as an event and cannot be read is kept as it came, as a dead letter"
_INBOX: Mapping[str, str] = {"table dead_letters": _KEPT, "file inbox.db": _KEPT, "file inbox.db-wal": _KEPT}
_APPS: Mapping[str, str] = {"table apps": _IN_CLEAR, "file meta.db": _IN_CLEAR, "file meta.db-wal": _IN_CLEAR}


@dataclass(frozen=True)
class Plant:
    """A credential; `may_be` says in which places it is found all the same, and why."""

    name: str
    text: str
    may_be: Mapping[str, str] = field(default_factory=dict)


PLANTS: Mapping[str, Plant] = {
    plant.name: plant
    for plant in (
        Plant("write key", "wk_PLANTED_b7c1e0", _APPS),
        Plant("api key", "APIKEYPLANTED0a91f3", _APPS),
        Plant("export key", "ek_PLANTED_93ddc2"),
        Plant("token", "tok_PLANTED_5f20ab"),
        Plant("password", "planted-horse-c41d77"),
        Plant("wrong password", "planted-donkey-18b6e9"),
        Plant("unknown token", "tok_STRANGE_70aa31"),
        Plant("session cookie", "cookie_PLANTED_2be801"),
        Plant("csrf", "csrf_PLANTED_c0ffd4"),
        Plant("signature", "sig_PLANTED_aa4471"),
        Plant("set-up token", "setup_PLANTED_6d6d19"),
        Plant("s3 secret", "s3_PLANTED_e81be2"),
        Plant("database password", "pg_PLANTED_4ac9f7"),
        Plant("loose token", "tok_LOOSE_8dd0c5"),
        Plant("token in an event", "tok_EVENT_31fe5d", _INBOX),
    )
}
T = {name: plant.text for name, plant in PLANTS.items()}

PROVISIONING = f"""
[[spaces]]
id = "acme"
[[spaces.apps]]
id = "app_waves"
api_key = "{T["api key"]}"
write_key = "{T["write key"]}"
export_key = "{T["export key"]}"
[[spaces.users]]
email = "ana@example.com"
role = "admin"
password = "{T["password"]}"
[[spaces.tokens]]
value = "{T["token"]}"
user = "ana@example.com"
"""


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def bearer(name: str) -> dict[str, str]:
    return {"authorization": f"Bearer {T[name]}"}


@dataclass(frozen=True)
class Errand:
    """A request; a dictionary as its body is sent as JSON."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = b""


# Credentials where they belong, where they do not, and in shapes that nothing can read. {export} is one that exists.
ERRANDS: Sequence[Errand] = (
    *(
        Errand(method, path, headers)
        for method, path in (
            ("GET", "/v1/exports/{export}"),
            ("GET", "/v1/exports/{export}/manifest"),
            ("GET", "/v1/exports/exp_absent"),
            ("GET", "/nowhere"),
            ("PUT", "/v1/exports"),
            ("GET", "/metrics"),
        )
        for headers in (
            bearer("token"),
            bearer("unknown token"),
            bearer("write key"),
            bearer("export key"),
            {"authorization": T["loose token"]},
            {"authorization": f"Token {T['loose token']}"},
            {"authorization": f"Basic {T['loose token']}"},
            {"authorization": f"Basic {base64.b64encode(T['loose token'].encode()).decode()}"},
            {"authorization": basic("ana@example.com", T["wrong password"])},
            {"cookie": f"tailrace_session={T['session cookie']}", "x-csrf-token": T["csrf"]},
            {
                "x-api-key": T["loose token"],
                "x-setup-token": T["set-up token"],
                "proxy-authorization": T["loose token"],
            },
        )
    ),
    *(
        Errand("GET", f"{path}?{query}", headers)
        for path in ("/v1/exports/{export}", "/v1/exports/{export}/files/x", "/livez", "/nowhere", "/metrics")
        for query in (
            f"token={T['unknown token']}",
            f"access_token={T['token']}&token={T['loose token']}",
            f"expires=1&signature={T['signature']}",
            f"expires=x&signature={T['signature']}&signature={T['signature']}",
        )
        for headers in ({}, bearer("token"))
    ),
    Errand("POST", "/v1/tokens", {"authorization": basic("ana@example.com", T["wrong password"])}),
    Errand("POST", "/v1/tokens", {"authorization": basic("eve@example.com", T["password"])}),
    Errand("POST", "/v1/login", {}, {"email": "ana@example.com", "password": T["wrong password"]}),
    Errand("POST", "/v1/login", {}, {"email": "ana@example.com", "password": T["wrong password"], "x": 1}),
    Errand("POST", "/v1/login", {}, f'{{"password": "{T["wrong password"]}"'.encode()),
    Errand("POST", "/v1/setup", {"authorization": f"Bearer {T['set-up token']}"}, {"token": T["set-up token"]}),
    Errand("POST", "/v1/exports", bearer("token"), {"app": "app_waves", "token": T["loose token"]}),
    Errand("POST", "/v1/exports", bearer("token"), {"app": "app_waves", "window": {"axis": T["loose token"]}}),
    Errand("POST", "/v1/exports", bearer("token"), {"app": ["x", T["loose token"]]}),
    Errand(
        "POST",
        "/v1/exports",
        bearer("token"),
        {"app": "app_waves", "window": {"axis": "available"}, "after": T["loose token"]},
    ),
    Errand("POST", "/v1/exports", bearer("token"), f'{{"password": "{T["password"]}"'.encode()),
    Errand("POST", "/v1/events", bearer("unknown token"), {"event": "x", "device_id": "d"}),
    Errand("POST", "/v1/events", bearer("write key"), f'{{"token": "{T["token in an event"]}"'.encode()),
    Errand("POST", "/v1/events", bearer("write key"), b"\x1f\x8b" + T["loose token"].encode()),
    Errand("POST", f"/v1/events?write_key={T['write key']}", {}, {"event": "x", "device_id": "d"}),
)


@dataclass
class Story:
    """A store, its processes' logs, and every error that was answered."""

    data: Path
    errors: list[tuple[str, str]] = field(default_factory=list)
    made: dict[str, Plant] = field(default_factory=dict)

    @property
    def logs(self) -> list[Path]:
        return sorted(self.data.parent.rglob("*.log"))

    def worker(self, name: str, **environment: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "tailrace", "worker", "--data", str(self.data), "--workers", "1"]
        with (self.data.parent / f"worker-{name}.log").open("ab") as out:
            return subprocess.Popen(command, env=os.environ | environment, stdout=out, stderr=out)

    def do(self, http: httpx.Client, errand: Errand, **names: str) -> httpx.Response:
        """Run an errand, and keep what is said of it if that is an error."""
        content = errand.body if isinstance(errand.body, bytes) else json.dumps(errand.body).encode()
        path = errand.path.format(**names)
        answer = http.request(errand.method, path, content=content, headers=dict(errand.headers))
        if answer.status_code >= 400:
            told = "\n".join(f"{k}: {v}" for k, v in answer.headers.items())
            self.errors.append((f"{errand.method} {errand.path} -> {answer.status_code}", f"{told}\n{answer.text}"))
        return answer


@pytest.fixture
def story(
    backend: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Story]:
    """A store on SQLite and local files, or on PostgreSQL with a password and on S3 with credentials."""
    data = tmp_path / "data"
    data.mkdir()
    settings = "[seal]\ninterval_ms = 50\n[exports]\nlease_ms = 1500\npool = 'threads'\n[log]\nlevel = 'debug'\n"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", T["s3 secret"])
    if backend == "sqlite":
        (data / SETTINGS_FILE).write_text(settings)
        yield _filled(Story(data), tmp_path)
        return
    moto: S3Server = request.getfixturevalue("moto")
    with postgres_server().database() as url:
        url = sa.make_url(url).set(password=T["database password"]).render_as_string(hide_password=False)
        place = f"s3://{moto.bucket()}/x"
        (data / SETTINGS_FILE).write_text(f'database = "{url}"\nfiles = "{place}"\n{settings}')
        for name, value in moto.environment.items():
            if name != "AWS_SECRET_ACCESS_KEY":
                monkeypatch.setenv(name, value)
        yield _filled(Story(data), tmp_path)


def _filled(story: Story, folder: Path) -> Story:
    (folder / "wanted.toml").write_text(PROVISIONING)
    initialise(story.data)
    with open_house(story.data) as house:
        provision(house, read_provisioning(folder / "wanted.toml"))
    return story


def test_secrets_stay_where_they_belong(story: Story) -> None:
    """A server and its workers go through successes, errors of all kinds, a killed export, a failure inside and an
    outage of the database; afterwards each credential is found in the places that `PLANTS` allows and nowhere else.
    """
    settings = (story.data / SETTINGS_FILE).read_text("utf-8")
    with Server(story.data, options=["--no-worker"]) as server:
        with httpx.Client(base_url=server.url, timeout=60) as http:
            export = _travel(story, http)
            _fail_inside(story, settings, http, export)
            with _outage(settings):
                for errand in ERRANDS[::7]:
                    story.do(http, errand, export=export)
        done = run("doctor", "--data", story.data, "--json")
        (story.data.parent / "doctor.log").write_text(done.stdout + done.stderr)
    statuses = {int(where.rsplit(" ", 1)[1]) for where, _ in story.errors}
    assert statuses >= {400, 401, 404, 405, 500} | (set() if _embedded(settings) else {503})
    found = list(_found(story, settings))
    wrong = [line for line, allowed in found if not allowed]
    assert not wrong, "\n".join(wrong)
    # What is allowed was found, so the search does find.
    assert {("write key in table apps", True), ("token in an event in table dead_letters", True)} <= set(found)
    assert any("request_id=" in path.read_text() for path in story.logs)


def _travel(story: Story, http: httpx.Client) -> str:
    """Events in, an export whose worker is killed on the way, files out, and all errands; the export."""
    made = story.do(http, Errand("POST", "/v1/tokens", {"authorization": basic("ana@example.com", T["password"])}))
    story.made["new token"] = Plant("new token", made.json()["token"])
    events = [{"event": "go", "device_id": "d", "session": {"end": True}, "params": {"visible": n}} for n in range(3)]
    sent = story.do(http, Errand("POST", "/v1/events", {"authorization": basic(T["write key"], "")}, {"batch": events}))
    assert sent.status_code == 200, sent.text
    killed = _ask(story, http)
    assert story.worker("dying", TAILRACE_TEST_KILL_AT="export.before_commit").wait(WAIT_S) == -signal.SIGKILL
    with _worker(story, "living"):
        _until("the killed export succeeds", lambda: _state(http, killed) == "succeeded")
        export = _ask_until_rows(story, http)
    for errand in ERRANDS:
        story.do(http, errand, export=export)
    return export


@contextmanager
def _worker(story: Story, name: str) -> Iterator[None]:
    worker = story.worker(name)
    try:
        yield
    finally:
        worker.terminate()
        assert worker.wait(WAIT_S) == 0


def _ask(story: Story, http: httpx.Client) -> str:
    body = {"app": "app_waves", "window": {"axis": "available"}, "packing": "none"}
    asked = story.do(http, Errand("POST", "/v1/exports", bearer("token"), body))
    assert asked.status_code == 202, asked.text
    export: str = asked.json()["id"]
    return export


def _ask_until_rows(story: Story, http: httpx.Client) -> str:
    """An export that holds the events: they are sealed soon."""

    def done() -> str | None:
        export = _ask(story, http)
        _until("it succeeds", lambda: _state(http, export) == "succeeded")
        manifest = http.get(f"/v1/exports/{export}/manifest", headers=bearer("token")).json()
        for file in manifest["files"]:
            assert http.get(file["url"], headers=bearer("token")).status_code == 200
        return export if manifest["rows"] == 3 else None

    export: str = _until("the events are exported", done)
    return export


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
    _execute(story.data, settings, "UPDATE exports SET manifest = 'no manifest'")
    path = f"/v1/exports/{export}/manifest"
    answer = story.do(http, Errand("GET", path, {**bearer("token"), "x-request-id": "told-by-me"}))
    assert (answer.status_code, answer.json()["request_id"]) == (500, "told-by-me")
    assert answer.headers["x-request-id"] == "told-by-me"


@contextmanager
def _outage(settings: str) -> Iterator[None]:
    """PostgreSQL lets nobody in."""
    if _embedded(settings):
        yield
        return
    url = sa.make_url(_database(settings))
    with psycopg.connect(_plain(url.set(database="postgres")), autocommit=True) as admin:
        admin.execute(f'ALTER DATABASE "{url.database}" ALLOW_CONNECTIONS false')
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (url.database,))
        try:
            yield
        finally:
            admin.execute(f'ALTER DATABASE "{url.database}" ALLOW_CONNECTIONS true')


def _found(story: Story, settings: str) -> Iterator[tuple[str, bool]]:
    """What was found where, and whether it may be there."""
    plants = [*PLANTS.values(), *story.made.values()]
    for place, content in _everything(story, settings):
        for plant in plants:
            if any(form in content for form in _forms(plant.text)):
                yield f"{plant.name} in {place}", place in plant.may_be


def _forms(text: str) -> set[bytes]:
    """A credential as it is, in hex, and in a URL; and as the middle of Base64, whatever stands before it."""
    raw = text.encode()
    base64s = {base64.b64encode(b"x" * n + raw)[4:-4] for n in range(3)}
    return {raw, raw.hex().encode(), quote(text, safe="").encode(), *base64s}


def _everything(story: Story, settings: str) -> Iterator[tuple[str, bytes]]:
    for path in story.logs:
        yield f"log {path.name}", path.read_bytes()
    for where, text in story.errors:
        yield f"answer {where}", text.encode()
    yield from _rows(story.data, settings)
    for path in sorted(story.data.rglob("*")):
        if path.is_file() and path.name != SETTINGS_FILE:
            yield f"file {path.name}", _unpacked(path.read_bytes())


def _unpacked(content: bytes) -> bytes:
    """A file as it is and, where it is packed, what it holds."""
    if content.startswith(b"\x1f\x8b"):
        return content + gzip.decompress(content)
    if content.startswith(b"PAR1"):
        import pyarrow as pa

        return content + str(pq.read_table(pa.BufferReader(content)).to_pylist()).encode()
    return content


def _rows(data: Path, settings: str) -> Iterator[tuple[str, bytes]]:
    """Every table of both databases as text."""
    if not _embedded(settings):
        with psycopg.connect(_plain(sa.make_url(_database(settings)))) as connection:
            names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            for (name,) in names:
                rows = connection.execute(f'SELECT t::text FROM "{name}" t').fetchall()  # noqa: S608
                yield f"table {name}", str(rows).encode()
        return
    for file in ("meta.db", "inbox.db"):
        with closing(sqlite3.connect(data / file)) as connection:
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                rows = connection.execute(f'SELECT * FROM "{name}"').fetchall()  # noqa: S608
                yield f"table {name}", str(rows).encode()


def _execute(data: Path, settings: str, statement: str) -> None:
    if _embedded(settings):
        with closing(sqlite3.connect(data / "meta.db", timeout=30)) as connection:
            connection.execute(statement)
            connection.commit()
        return
    with psycopg.connect(_plain(sa.make_url(_database(settings)))) as connection:
        connection.execute(statement.encode())


def _embedded(settings: str) -> bool:
    return "postgresql" not in settings


def _database(settings: str) -> str:
    match = re.search(r'^database = "(.*)"$', settings, re.MULTILINE)
    assert match is not None
    return match[1]


def _plain(url: sa.URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)
