"""The command line and the client against the real server, from a token to a verified chain on disk."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tailrace.cli import exits
from tailrace.cli.app import app_for
from tailrace.cli.remote import profiles
from tailrace.client import Client, ExportRequest, ProblemError, Retries, Window
from tailrace.wiring import House
from tests import sending
from tests.contract.native.conftest import Api
from tests.contract.native.conftest import api as api  # the fixture
from tests.faults import FaultProxy, lost_answer, proxy_before
from tests.sending import T0, event

Call = Callable[..., Any]
ASKED = ExportRequest(app="app_waves", window=Window("available"))
EVERYTHING = ("--app", "app_waves", "--axis", "available")


@pytest.fixture(params=["sqlite"])
def backend(request: pytest.FixtureRequest) -> str:
    """What is tested here is HTTP: one database is enough."""
    name: str = request.param
    return name


@pytest.fixture
def url(api: Api) -> str:
    """The served store, with forty events sealed."""
    more(api, 0)
    return str(api.http.base_url)


def more(api: Api, first: int) -> None:
    """Send and seal forty events."""
    api.send(*(event("go", T0 + n, id=f"e{n}", params={"n": n}) for n in range(first, first + 40)))
    api.seal()


@pytest.fixture
def proxy(url: str) -> Iterator[FaultProxy]:
    """The server behind something that does harm."""
    with proxy_before(url) as standing:
        yield standing


@pytest.fixture
def call(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs a command with --json against the server; what it printed, after its code was checked."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv(profiles.SERVER, url)
    monkeypatch.setenv(profiles.TOKEN, "tok_ana")
    monkeypatch.delenv(profiles.PROFILE, raising=False)

    def called(*arguments: str | Path, code: int = 0) -> Any:
        words = [*map(str, arguments), "--json"]
        monkeypatch.setattr(sys, "argv", ["tailrace", *words])
        capsys.readouterr()
        ended = exits.run(app_for(words, {}))
        out, err = capsys.readouterr()
        assert ended == code, (words, out, err)
        return json.loads(out) if out else err

    return called


def finished(client: Client, request: ExportRequest = ASKED) -> str:
    """Ask for an export and look until it has ended; its id."""
    export = client.exports.create(request)
    deadline = time.monotonic() + 30
    while not (export := client.exports.get(export.id)).ended:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert export.succeeded, export.error
    return export.id


def test_an_export_is_pulled_and_verified(url: str, tmp_path: Path) -> None:
    """Events by the client, an export asked for and looked at, pulled, and proved by `verify`; once more is nothing."""
    with Client(url, "tok_ana", write_key="wk_waves") as client:
        assert client.events.send([event("late", T0, id="x", device="d9")]).accepted == 1
        export = finished(client)
        pulled = client.pull(export, tmp_path / "out")
        manifest = client.exports.manifest(export)
        assert client.pull(export, tmp_path / "out", verify=True).loaded == 0
    assert (manifest.rows, manifest.window.axis, manifest.request.app) == (40, "available", "app_waves")
    assert pulled.loaded == pulled.bytes == manifest.bytes + (manifest.schema.bytes if manifest.schema else 0)
    assert exits.run(app_for(["verify"], {})) == 2
    done = subprocess.run(
        [sys.executable, "-m", "tailrace", "verify", tmp_path / "out"], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_errors_of_the_server_arrive_as_they_are(url: str) -> None:
    """An unknown token, another space's export, a key that cannot be: code, status and what else the document says."""
    with Client(url, "tok_ana") as client, Client(url, "tok_bob") as bob, Client(url, "wrong") as stranger:
        export = client.exports.create(ASKED).id
        asked: list[tuple[Call, int, str]] = [
            (lambda: stranger.exports.get(export), 401, "unauthorized"),
            (lambda: bob.exports.get(export), 404, "not_found"),
            (lambda: bob.exports.create(ASKED), 404, "not_found"),
            (lambda: client.exports.create({"app": "app_waves", "wat": 1}), 400, "invalid_request"),
        ]
        for ask, status, code in asked:
            with pytest.raises(ProblemError) as caught:
                ask()
            assert (caught.value.status, caught.value.code) == (status, code)
        assert caught.value.more["where"] == "wat"


def test_a_chain_by_the_command_line(api: Api, call: Call, tmp_path: Path) -> None:
    """export with a server follows and pulls; each increment goes on from the last one's cursor, filters and all; and
    `verify` joins the directories in any order.
    """
    after: tuple[str, ...] = ()
    for step in range(3):
        out = tmp_path / str(step)
        call("export", *EVERYTHING, "--format", "csv", "--out", out, *after)
        manifest = json.loads((out / "manifest.json").read_text())
        assert (manifest["rows"], manifest["files"][0]["format"]) == (40, "csv")
        assert "signature" not in (out / "manifest.json").read_text()
        after = ("--after", manifest["cursor"])
        more(api, 100 * (step + 1))
    report = call("verify", tmp_path / "2", tmp_path / "0", tmp_path / "1")
    assert (report["ok"], len(report["chains"]), report["chains"][0]["rows"]) == (True, 1, 120)


def test_a_lost_answer_makes_one_export(call: Call, proxy: FaultProxy) -> None:
    """The answer to POST is lost twice: the list knows one export, and it is the one that the client has."""
    proxy.plan(lost_answer, "POST", "/v1/exports", times=2)
    with Client(proxy.endpoint, "tok_ana", retries=Retries(first_s=0.01)) as client:
        export = client.exports.create(ASKED)
        assert [one.id for one in client.exports.list()] == [export.id]
    assert proxy.count("POST", "/v1/exports") == 3
    assert [row["id"] for row in call("exports", "list")] == [export.id]


def test_exports_by_the_command_line(call: Call) -> None:
    """estimate, no-wait, wait, show, rerun, cancel and list, page by page."""
    about = call("export", *EVERYTHING, "--dry-run")
    assert about["at_most"] >= about["events"] > 0
    made = call("export", *EVERYTHING, "--no-wait")
    assert call("exports", "wait", made["id"])["state"] == "succeeded"
    again = call("exports", "rerun", made["id"])
    assert again["request"] == made["request"]
    assert again["id"] != made["id"]
    assert call("exports", "wait", again["id"])["state"] == "succeeded"
    assert call("exports", "cancel", again["id"])["state"] == "succeeded"
    assert call("exports", "show", made["id"])["finished_at"]
    assert [row["id"] for row in call("exports", "list", "--state", "succeeded")] == [again["id"], made["id"]]
    assert [row["id"] for row in call("exports", "list", "--limit", "1")] == [again["id"]]
    assert "exp_none" in call("exports", "show", "exp_none", code=3)


def test_tokens_users_and_apps_by_the_command_line(call: Call, url: str, tmp_path: Path) -> None:
    """A token that may only read is used, refreshed and revoked; a user made, changed, disabled; an app and its key."""
    user = call("users", "create", "eve@example.com", "--role", "standard", "--kind", "programmatic")
    assert call("users", "set", user["id"], "--role", "architect")["role"] == "architect"
    made = call("tokens", "create", "--name", "ci", "--scope", "exports.read", "--user", user["id"])
    assert (made["name"], made["scopes"], made["owner"]) == ("ci", ["exports.read"], "eve@example.com")
    secret = tmp_path / "secret"
    secret.write_text(made["token"])
    assert call("exports", "list", "--token-file", secret) == []
    assert "exports.create" in call("export", *EVERYTHING, "--no-wait", "--token-file", secret, code=5)
    newer = call("tokens", "refresh", made["id"])
    assert "config show" in call("exports", "list", "--token-file", secret, code=5)
    assert {row["id"] for row in call("tokens", "list")} >= {newer["id"]}
    assert made["token"] not in json.dumps(call("tokens", "list", "--ended"))
    secret.write_text(newer["token"])
    assert call("exports", "list", "--token-file", secret) == []
    call("tokens", "revoke", newer["id"])
    assert call("exports", "list", "--token-file", secret, code=5)
    call("users", "disable", user["id"])
    assert next(row for row in call("users", "list") if row["id"] == user["id"])["disabled_at"]
    app = call("apps", "create", "app_new", "--name", "New")
    assert {row["id"] for row in call("apps", "list")} >= {"app_new", "app_waves"}
    key = call("apps", "rotate-keys", "app_new", "--key", "write_key")
    assert key["value"] != app["write_key"]
    with Client(url, write_key=key["value"]) as client:
        assert client.events.send([event("go", T0)]).accepted == 1
    with Client(url, "tok_ana") as client:
        assert client.me.get().email == "ana@example.com"


def test_a_login_is_a_profile(call: Call, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """E-mail and password become a token in a file, which commands use from then on."""
    monkeypatch.setattr("typer.prompt", lambda *_, **__: "correct horse")
    call("login", "--server", url, "--email", "ana@example.com")
    monkeypatch.delenv(profiles.SERVER)
    monkeypatch.delenv(profiles.TOKEN)
    assert call("config", "show")["server"]["value"] == url
    assert call("exports", "list") == []


def test_signed_links_carry_a_pull_without_a_token(url: str, tmp_path: Path) -> None:
    """A manifest's links are enough: files come without the token, by ranges of one version where they are large."""
    with Client(url, "tok_ana") as client:
        export = finished(client)
        links = client.exports.manifest(export).files
        assert all("signature=" in file.url for file in links)
        entry = client.runner.http.get(links[0].url)
        assert (entry.status_code, len(entry.content)) == (200, links[0].bytes)
        client.pull(export, tmp_path / "out")


@pytest.mark.crash
def test_a_pull_from_the_server_survives_kills(house: House, url: str, api: Api, tmp_path: Path) -> None:
    """A real `tailrace pull` of a file in many pieces meets SIGKILL at five moments, told by what is marked as there;
    it goes on where it was, and `verify` takes the end.
    """
    noise = random.Random(7)  # noqa: S311 - what does not pack
    rows = [event("go", T0 + n, id=f"b{n}", params={"x": noise.randbytes(2000).hex()}) for n in range(1000)]
    sending.send(house, api.scope(), rows)
    api.seal()
    with Client(url, "tok_ana") as client:
        export = finished(client)
        size = max(file.bytes for file in client.exports.manifest(export).files)
    assert size > 20 << 16
    out = tmp_path / "out"
    command = [
        sys.executable,
        "-m",
        "tailrace",
        "pull",
        export,
        "--out",
        str(out),
        "--piece-bytes",
        str(1 << 16),
        "--parallel",
        "1",
    ]
    environment = os.environ | {profiles.SERVER: url, profiles.TOKEN: "tok_ana", "XDG_CONFIG_HOME": str(tmp_path)}
    for kill in range(5):
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while pieces(out) <= 4 * kill + noise.randrange(3) and process.poll() is None:
            time.sleep(0.0005)
        assert process.poll() is None, process.communicate()
        process.kill()
        process.communicate()
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    checked = subprocess.run([sys.executable, "-m", "tailrace", "verify", out], capture_output=True, check=False)
    assert checked.returncode == 0, checked.stdout


def pieces(out: Path) -> int:
    """How many pieces of files are marked as there."""
    marks = [path.read_bytes() for path in out.glob(".tailrace-pull/*.pieces")] if out.exists() else []
    return sum(mark.count(b"\x01") for mark in marks)
