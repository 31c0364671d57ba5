"""Every command as a user runs it: a process, its two streams and its exit code.

A process takes a second to begin, so each command has one, and what else it does is done without.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tailrace.accounts.lookup import scope_of_app
from tailrace.cli import exits
from tailrace.cli.app import make_app
from tailrace.config import SETTINGS_FILE
from tailrace.store.ledger import ledger
from tailrace.wiring import open_house
from tests.conftest import PROVISIONING
from tests.servers import Client, Server, run
from tests.templates import TemplateOf

DOCS = (Path(__file__).resolve().parents[3] / "docs" / "cli.md").read_text("utf-8")
NDJSON = "".join(
    json.dumps(
        {"id": f"e{n}", "event": "go", "device_id": f"d{n % 3}", "session_id": "s", "time": 1_767_323_045_678 + n}
    )
    + "\n"
    for n in range(20)
)
NOWHERE = {"TAILRACE_DATABASE": "postgresql+psycopg://nobody@127.0.0.1:1/none"}


def ok(*arguments: str | Path, code: int = 0) -> Any:
    """Run with --json: stdout is one JSON document and nothing else, stderr is silent."""
    done = run(*arguments, "--json")
    assert done.returncode == code, (arguments, done.stdout, done.stderr)
    assert done.stderr == "", arguments
    return json.loads(done.stdout)


Inside = Callable[..., tuple[int, str, str]]


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Inside:
    """Runs a command without a process of its own: code, stdout and stderr."""

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tailrace", *map(str, arguments)])
        capsys.readouterr()
        code = exits.run(make_app())
        return (code, *capsys.readouterr())

    return call


def told(inside: Inside, *arguments: str | Path, code: int = 0) -> Any:
    """The same as `ok` without a process of its own; stdout holds nothing else here either."""
    got, out, err = inside(*arguments, "--json")
    assert got == code, (arguments, out, err)
    return json.loads(out)


def refused(inside: Inside, *arguments: str | Path, code: int) -> str:
    """Run what must fail: the code, nothing on stdout, and a short message on stderr."""
    got, out, err = inside(*arguments)
    assert (got, out) == (code, ""), (arguments, out, err)
    assert err.strip(), arguments
    return err


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, template_of: TemplateOf) -> Path:
    """A provisioned store on the embedded database; the tests of this module add to it."""
    data = tmp_path_factory.mktemp("cli") / "data"
    template_of("sqlite", "provisioned").copy(data, "")
    return data


@pytest.fixture(scope="module")
def commands() -> list[tuple[str, ...]]:
    """The full name of every command."""
    return list(every_command())


def every_command() -> Iterator[tuple[str, ...]]:
    for command in make_app().registered_commands:
        yield (str(command.name),)
    for group in make_app().registered_groups:
        assert group.typer_instance is not None
        yield from ((str(group.name), str(c.name)) for c in group.typer_instance.registered_commands)


def test_init_is_safe_to_repeat(tmp_path: Path, inside: Inside) -> None:
    """The first run shows a set-up link, the second changes nothing and shows none."""
    first = run("init", "--data", tmp_path / "new" / "deep")
    assert first.returncode == 0
    assert re.search(r"http://127.0.0.1:8080/setup\?token=setup_\S{32}\n", first.stdout)
    before = {p.name: p.read_bytes() for p in (tmp_path / "new" / "deep").glob("*.db")}
    second = run("init", "--data", tmp_path / "new" / "deep")
    assert (second.returncode, "nothing was changed" in second.stdout) == (0, True)
    assert "setup_" not in second.stdout
    assert {p.name: p.read_bytes() for p in (tmp_path / "new" / "deep").glob("*.db")} == before
    assert told(inside, "init", "--data", tmp_path / "new" / "deep")["setup"] is None


def test_apply_is_safe_to_repeat(store: Path, tmp_path: Path, inside: Inside) -> None:
    """A generated token is shown once; the second run has nothing to change."""
    path = tmp_path / "more.toml"
    path.write_text('[[spaces]]\nid = "acme"\n[[spaces.tokens]]\nuser = "ana@example.com"\nscopes = ["exports.read"]\n')
    first = ok("apply", path, "--data", store)
    assert [t["user"] for t in first["tokens"]] == ["ana@example.com"]
    assert told(inside, "apply", path, "--data", store) == {"changes": [], "tokens": []}
    assert inside("apply", path, "--data", store)[:2] == (0, "nothing to change\n")


def test_the_way_of_a_file(store: Path, tmp_path: Path, inside: Inside) -> None:
    """import, dead-letters, seal, export over HTTP, verify and doctor: each with its result as JSON and its code."""
    path = tmp_path / "events.ndjson"
    path.write_text(NDJSON + '{"event":"bad"}\n')
    app = ("--data", store, "--app", "app_waves")
    summary = ok("import", path, *app)
    assert (summary["rows"], summary["accepted"], summary["rejected"]) == (21, 20, 1)
    (letter,) = ok("dead-letters", "list", *app)
    assert (letter["position"], letter["reason"]) == (21, "no identity: give device_id or user_id")
    shown = told(inside, "dead-letters", "show", str(letter["number"]), *app)
    assert shown["raw"] == '{"event":"bad"}'
    (replayed,) = told(inside, "dead-letters", "replay", *app, code=1)
    assert (replayed["records"], replayed["reason"]) == (0, letter["reason"])
    assert "no identity" in inside("dead-letters", "list", *app)[1]
    (sealed,) = [row for row in ok("seal", "--data", store, "--all") if row["app"] == "app_waves"]
    assert (sealed["events"], sealed["open"], sealed["duplicates"]) == (20, 0, 0)
    assert told(inside, "import", path, *app)["accepted"] == 20
    (again,) = [row for row in told(inside, "seal", "--data", store) if row["app"] == "app_waves"]
    assert (again["events"], again["duplicates"]) == (0, 20)
    with Server(store) as server, Client(server.url) as client:
        folder = client.download(client.export({"axis": "available"}), tmp_path)
    report = ok("verify", folder)
    assert (report["ok"], report["exports"][0]["rows"]) == (True, 20)
    health = ok("doctor", "--data", store)
    assert health["ok"] is True
    assert next(row for row in health["ledgers"] if row["app"] == "app_waves")["sealed"] == 20
    for command in (("doctor", "--data", store), ("seal", "--data", store), ("verify", folder)):
        code, out, _ = inside(*command)
        assert (code, "{" in out) == (0, False), command
        assert out.strip()


def test_doctor_and_verify_say_what_is_wrong(tmp_path: Path, inside: Inside) -> None:
    """A lost segment and a damaged download are found: exit code 1, and what to do."""
    data = tmp_path / "data"
    assert told(inside, "init", "--data", data)["made"] is True
    (tmp_path / "wanted.toml").write_text(PROVISIONING)
    assert "made app app_waves" in told(inside, "apply", tmp_path / "wanted.toml", "--data", data)["changes"]
    (tmp_path / "events.ndjson").write_text(NDJSON)
    inside("import", tmp_path / "events.ndjson", "--data", data, "--app", "app_waves")
    inside("seal", "--data", data, "--all")
    for segment in (data / "files").rglob("*.parquet"):
        segment.unlink()
    health = told(inside, "doctor", "--data", data, code=1)
    (wrong,) = [check for check in health["checks"] if not check["ok"]]
    assert "lost" in wrong["found"]
    assert wrong["next"]
    report = told(inside, "verify", tmp_path / "nothing", code=1)
    assert report["ok"] is False
    assert "next:" in inside("verify", tmp_path / "nothing")[1]


WRONG_USAGE: list[tuple[str, ...]] = [
    (),
    ("wat",),
    ("dead-letters",),
    ("seal",),
    ("seal", "--wat"),
    ("doctor", "--data"),
    ("dead-letters", "show", "seven", "--data", "x", "--app", "y"),
    ("dead-letters", "show", "99999999999999999999", "--data", "x", "--app", "y"),
    ("serve", "--data", "x", "--port", "99999"),
    ("serve", "--data", "x", "--workers", "0"),
    ("apply", "/not/there.toml", "--data", "x"),
    ("import", "/", "--data", "x", "--app", "y"),
]


def test_a_wrong_command_line_is_2(inside: Inside) -> None:
    """What the command line does not allow is answered with usage or help."""
    for arguments in WRONG_USAGE:
        code, out, err = inside(*arguments)
        assert code == 2, (arguments, out, err)
        assert "Usage" in out + err or "requires an argument" in err, arguments


def test_a_failure_shows_no_traceback(tmp_path: Path) -> None:
    """As a process too, each code but 130 is reached, and what is shown is for people."""
    for arguments, code, environment in (
        (("--version",), 0, None),
        (("verify", tmp_path / "none"), 1, None),
        (("wat",), 2, None),
        (("doctor", "--data", tmp_path / "none"), 3, None),
        (("init", "--data", tmp_path), 4, NOWHERE),
    ):
        done = run(*arguments, environment=environment)
        assert done.returncode == code, (arguments, done.stderr)
        assert "Traceback" not in done.stdout + done.stderr


def test_a_wrong_input_is_3(store: Path, tmp_path: Path, inside: Inside) -> None:
    """A file, key or directory that cannot be is named, with what to do where that is not plain."""
    latin, text, good = tmp_path / "latin.toml", tmp_path / "text.toml", tmp_path / "good.ndjson"
    latin.write_bytes(b'x = "\xff"')
    text.write_text("no toml")
    good.write_text(NDJSON)
    app = ("--data", store, "--app", "app_waves")
    for arguments, says in (
        (("doctor", "--data", tmp_path / "none"), "tailrace init --data"),
        (("doctor", "--data", tmp_path), "tailrace init --data"),
        (("apply", latin, "--data", store), "latin.toml"),
        (("apply", text, "--data", store), "not TOML"),
        (("import", tmp_path / "none", *app), "none"),
        (("import", good, "--data", store, "--app", "nope"), "there is no app nope"),
        (("import", good, *app, "--map", tmp_path / "none.toml"), "none.toml"),
        (("import", good, *app, "--map", text), "not TOML"),
        (("import", good, *app, "--map", latin), "UTF-8"),
        (("dead-letters", "show", "12345", *app), "there is no dead letter 12345"),
    ):
        assert says in refused(inside, *arguments, code=3), arguments


def test_a_wrong_setting_is_3(tmp_path: Path, inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that cannot be stops every command and is named."""
    inside("init", "--data", tmp_path)
    for content, says in ((b"wat = 1", "wat"), (b"[seal]\nwat = 1", "seal.wat"), (b"x =", "TOML"), (b"\xff", "TOML")):
        (tmp_path / SETTINGS_FILE).write_bytes(content)
        assert says in refused(inside, "doctor", "--data", tmp_path, code=3)
    (tmp_path / SETTINGS_FILE).unlink()
    for url in ("nonsense", "mysql://u:SECRET@h/d"):
        monkeypatch.setenv("TAILRACE_DATABASE", url)
        message = refused(inside, "doctor", "--data", tmp_path, code=3)
        assert "postgresql+psycopg://" in message
        assert "SECRET" not in message


def test_a_database_that_does_not_answer_is_4(tmp_path: Path, inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not now: whoever runs the command is told to try again."""
    monkeypatch.setenv("TAILRACE_DATABASE", NOWHERE["TAILRACE_DATABASE"])
    for command in ("init", "doctor", "seal", "worker", "serve"):
        assert "try again" in refused(inside, command, "--data", tmp_path, code=4)


def test_an_interruption_is_130(tmp_path: Path, inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle of a command."""
    inside("init", "--data", tmp_path)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tailrace.cli.doctor.all_scopes", interrupted)
    assert inside("doctor", "--data", tmp_path)[0] == 130


def start(*arguments: str | Path) -> "subprocess.Popen[str]":
    """A command that runs for ever."""
    command = [sys.executable, "-m", "tailrace", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ))


def test_the_worker_seals_until_it_is_told_to_stop(tmp_path: Path, template_of: TemplateOf) -> None:
    """A worker beside a server that has none seals what arrives; SIGTERM ends both with exit code 0."""
    data = tmp_path / "data"
    template_of("sqlite", "provisioned").copy(data, "")
    (data / SETTINGS_FILE).write_text("[seal]\ninterval_ms = 50\n")
    with (
        start("worker", "--data", data) as worker,
        Server(data, options=["--no-worker"]) as server,
        Client(server.url) as client,
    ):
        client.send([{"id": "1", "event": "e", "device_id": "d", "session": {"end": True}}])
        wait_until_sealed(data)
        assert client.export({"axis": "available"})["rows"] == 1
        worker.send_signal(signal.SIGTERM)
        _, log = worker.communicate(timeout=30)
    assert worker.returncode == 0, log
    assert "event=worker.stopped" in log
    assert "seal.committed" in log


def wait_until_sealed(data: Path) -> None:
    """Wait until the app's only event is sealed."""
    deadline = time.monotonic() + 20
    with open_house(data) as house:
        scope = scope_of_app(house.database, "app_waves")
        while ledger(house.database, scope).sealed < 1:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_serve_makes_a_store_and_links_to_its_public_url(tmp_path: Path, inside: Inside) -> None:
    """An empty directory becomes a store whose set-up link is shown until an admin exists; links begin with
    --public-url.
    """
    with Server(tmp_path, options=["--public-url", "https://x.example/base/"]) as server:
        assert server.log.read_text().count("https://x.example/base/setup?token=setup_") == 1
        (tmp_path / "wanted.toml").write_text(PROVISIONING)
        told(inside, "apply", tmp_path / "wanted.toml", "--data", tmp_path)
        with Client(server.url) as client:
            body = {"app": "app_waves", "window": {"axis": "available"}}
            asked = client.http.post("/v1/exports", json=body, headers=client.read)
    assert asked.headers["location"].startswith("https://x.example/base/v1/exports/exp_")
    assert "event=server.stopped" in server.log.read_text()
    assert server.process.returncode == 0
    with Server(tmp_path) as server:
        pass
    assert "setup" not in server.log.read_text()


def test_every_command_has_help(
    commands: list[tuple[str, ...]], inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--help of each command says what it does and what each option is for, and is documented in docs/cli.md."""
    monkeypatch.setenv("COLUMNS", "200")
    assert len(commands) >= 12
    for names in commands:
        code, shown, err = inside(*names, "--help")
        assert (code, err) == (0, ""), names
        assert "Usage" in shown
        assert f"### {' '.join(names)}\n" in DOCS, names
        section = DOCS.split(f"### {' '.join(names)}\n")[1].split("\n### ")[0]
        rows = re.findall(r"^\| `(.+?)` \| (.*?) \| (.*?) \|$", section, re.MULTILINE)
        assert rows or shown.count("--") == 1, names  # what takes nothing has --help alone
        for spelled, _, what in rows:
            assert what.strip(), (names, spelled)
            assert spelled.strip("[].").upper() in shown.upper(), (names, spelled)
    assert re.fullmatch(r"tailrace \S+\n", inside("--version")[1])
