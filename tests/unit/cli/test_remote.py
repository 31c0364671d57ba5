"""Commands that speak to a server: which server and token they take, what they ask, print and end with."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tailrace.cli import codes, exits
from tailrace.cli.app import COMMANDS, app_for, make_app
from tailrace.cli.remote import profiles
from tests.contract_server import REQUEST, TOKEN, ContractServer, Reply, busy, contract_server

Call = Callable[..., tuple[int, str, str]]
WINDOW = ("--app", "app_waves", "--axis", "available")


@pytest.fixture(scope="module")
def shared() -> Iterator[ContractServer]:
    """A server for this module."""
    with contract_server() as started:
        yield started


@pytest.fixture
def server(shared: ContractServer) -> ContractServer:
    """The server as if nobody had asked it anything."""
    url = shared.url
    shared.__init__(url=url)  # type: ignore[misc]
    return shared


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home: nothing of whoever runs the tests is read."""
    for name in (profiles.SERVER, profiles.TOKEN, profiles.PROFILE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


@pytest.fixture
def call(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs a command without a process of its own: code, stdout and stderr."""
    monkeypatch.chdir(home)

    def called(*arguments: str | Path) -> tuple[int, str, str]:
        words = [str(argument) for argument in arguments]
        monkeypatch.setattr(sys, "argv", ["tailrace", *words])
        capsys.readouterr()
        code = exits.run(app_for(words, {}))
        return (code, *capsys.readouterr())

    return called


@pytest.fixture
def ask(call: Call, server: ContractServer, monkeypatch: pytest.MonkeyPatch) -> Call:
    """The same, with the server and its token in the environment."""
    monkeypatch.setenv(profiles.SERVER, server.url)
    monkeypatch.setenv(profiles.TOKEN, TOKEN)
    return call


def good(done: tuple[int, str, str]) -> Any:
    """The JSON of a command that went well and said nothing else."""
    assert (done[0], done[2]) == (0, ""), done
    return json.loads(done[1])


def config(text: str, *, mode: int = 0o600) -> Path:
    """Write the configuration file."""
    path = profiles.config_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def test_options_go_over_environment_over_file(
    call: Call, server: ContractServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Server and token, each from the first place that says it; what is in force is shown, and no secret."""
    config(
        f'profile = "a"\n[profiles.a]\nserver = "{server.url}"\ntoken = "tok_file"\n[profiles.b]\nserver = "http://b.example"\n'
    )

    def shown(*options: str) -> tuple[str, str, str]:
        code, out, _ = call("config", "show", "--json", *options)
        assert "tok_" not in out
        found = json.loads(out)
        assert (code, set(found["profiles"])) == (0, {"a", "b"})
        return (
            found["profile"],
            found["server"]["source"].split()[0],
            (found["token"] or {"source": "-"})["source"].split()[0],
        )

    assert shown() == ("a", "server", "token")
    assert shown("--profile", "b") == ("b", "server", "-")
    monkeypatch.setenv(profiles.PROFILE, "b")
    assert shown() == ("b", "server", "-")
    assert shown("--profile", "a") == ("a", "server", "token")
    monkeypatch.setenv(profiles.SERVER, server.url)
    monkeypatch.setenv(profiles.TOKEN, "tok_env")
    assert shown() == ("b", profiles.SERVER, profiles.TOKEN)
    assert shown("--server", "http://x", "--token", "tok_x") == ("b", "--server", "--token")
    call("exports", "list")
    call("exports", "list", "--token", "tok_option")
    used = [seen.headers["authorization"] for seen in server.seen]
    assert used == ["Bearer tok_env", "Bearer tok_option"]
    out = call("config", "show")[1]
    assert server.url in out
    assert "tok_" not in out


def test_a_profile_s_token_goes_to_its_server_only(call: Call, server: ContractServer) -> None:
    """Another server named by an option does not get it, nor does a manifest's URL elsewhere."""
    config(f'[profiles.default]\nserver = "http://prod.example"\ntoken = "{TOKEN}"\n')
    code, _, err = call("exports", "list", "--server", server.url)
    assert (code, "--token-file" in err) == (3, True)
    code, _, err = call("pull", f"{server.url}/v1/exports/exp_ready/manifest", "--out", "x")
    assert code == codes.REFUSED, err
    assert all("authorization" not in seen.headers for seen in server.seen)
    assert len(server.seen) == 1


def test_ways_to_come_by_a_token(
    call: Call, server: ContractServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Text, file beside the configuration, command with or without a shell's quoting, --token-file; stdin is '-'."""
    (home / "config" / "tailrace").mkdir(parents=True)
    secret = home / "config" / "tailrace" / "secret"
    secret.write_text(f"{TOKEN}\n")
    secret.chmod(0o600)
    ways = [f'token = "{TOKEN}"', 'token_file = "secret"', f"token_command = \"printf '%s\\\\n' {TOKEN}\"",
            f'token_command = ["echo", "{TOKEN}"]']  # fmt: skip
    for way in ways:
        config(f'[profiles.default]\nserver = "{server.url}"\n{way}\n')
        assert good(call("exports", "list", "--json")) == []
    config("")
    assert good(call("exports", "list", "--server", server.url, "--token-file", secret, "--json")) == []
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{TOKEN}\n"))
    assert good(call("exports", "list", "--server", server.url, "--token-file", "-", "--json")) == []
    assert {seen.headers["authorization"] for seen in server.seen} == {f"Bearer {TOKEN}"}


CONFIGS = [
    ("x =", "is not TOML"),
    ("[profiles.default]\nwat = 1", "wat: there is no such key"),
    (
        '[profiles.default]\nserver = "http://x"\ntoken = "SECRET"\ntoken_file = "f"',
        "has token and token_file; keep one",
    ),
    ('[profiles.default]\nserver = "http://x"\ntoken_file = "none"', "none: No such file"),
    ('[profiles.default]\nserver = "http://x"\ntoken_command = "false"', "false ended with 1"),
    ('[profiles.default]\nserver = "http://x"\ntoken_command = ["/no/such/thing"]', "cannot be run"),
    ('[profiles.default]\nserver = "x"\ntoken = "SECRET"', "server: must be a URL"),
    ('[profiles.default]\nserver = "http://x"\ntoken = "SEC\\nRET"', "holds a character that no token has"),
    ('[profiles.default]\nserver = "http://x"', "--token-file: is needed for http://x"),
    ("", "--server: is needed"),
]


@pytest.mark.parametrize(("text", "says"), CONFIGS, ids=[says for _, says in CONFIGS])
def test_a_configuration_that_cannot_be_is_3(call: Call, text: str, says: str) -> None:
    """In a line that says what to do, without the secret."""
    config(text)
    code, out, err = call("exports", "list")
    assert (code, out, len(err.splitlines())) == (3, "", 1)
    assert says in err
    assert "SEC" not in err


def test_other_wrong_choices_of_a_server(call: Call, server: ContractServer) -> None:
    """An unknown profile, two tokens, and a file that others can read, which is only warned about."""
    config(f'[profiles.default]\nserver = "{server.url}"\ntoken = "{TOKEN}"\n', mode=0o640)
    code, _, err = call("exports", "list", "--json")
    assert (code, "chmod 600" in err) == (0, True)
    code, _, err = call("exports", "list", "--profile", "wat")
    assert (code, "has no profile wat; it has: default" in err) == (3, True)
    assert "exclude each other" in call("exports", "list", "--token", "a", "--token-file", "b")[2]


def test_login_keeps_a_token_for_its_owner_only(
    call: Call, server: ContractServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token that the server takes, or one made for a password, goes to a file of mode 0600 named by a new profile;
    the rest of the file stays; a profile that says something else is not changed.
    """
    path = config("# mine\n", mode=0o600)
    secret = home / "token"
    secret.write_text(TOKEN)
    monkeypatch.setattr("typer.prompt", lambda *_, **__: "pass word")
    code, out, err = call("login", "--server", server.url, "--token-file", secret)
    assert (code, err, TOKEN in out) == (0, "", False)
    assert (path.parent / "default.token").stat().st_mode & 0o777 == 0o600
    assert path.read_text().startswith("# mine\n")
    assert good(call("exports", "list", "--json")) == []
    server.plan(lambda *_: Reply(201, b'{"token": "tok_made"}'), "POST", "/v1/tokens")
    done = good(call("login", "--server", server.url, "--email", "ana@example.com", "--profile", "b", "--json"))
    assert Path(done["token_file"]).read_text() == "tok_made\n"
    assert server.asked("POST")[0].headers["authorization"] == "Basic YW5hQGV4YW1wbGUuY29tOnBhc3Mgd29yZA=="
    assert call("login", "--server", server.url, "--token-file", secret)[0] == 0
    code, _, err = call("login", "--server", f"{server.url}/x", "--email", "a@b.c")
    assert (code, "Not Found" in err or "says something else" in err or "known" in err) != (0, True)
    secret.write_text("tok_wrong")
    assert call("login", "--server", server.url, "--token-file", secret, "--profile", "c")[0] == codes.REFUSED
    assert set(json.loads(call("config", "show", "--json")[1])["profiles"]) == {"default", "b"}


def test_exports(ask: Call, server: ContractServer) -> None:
    """list follows pages up to its limit; show, cancel, rerun and wait print what the server says, for both readers."""
    server.exports |= {f"exp_{n}": server._export(f"exp_{n}", "succeeded") for n in range(5)}
    assert [row["id"] for row in good(ask("exports", "list", "--json"))] == [f"exp_{n}" for n in range(5)]
    assert len(good(ask("exports", "list", "--limit", "3", "--app", "a", "--state", "failed", "--json"))) == 3
    assert "limit=3" in server.seen[-1].target
    assert "exp_4" in ask("exports", "list")[1]
    assert good(ask("exports", "show", "exp_1", "--json"))["request"] == REQUEST
    assert "succeeded" in ask("exports", "show", "exp_1")[1]
    assert good(ask("exports", "cancel", "exp_1", "--json"))["state"] == "cancelled"
    code, out, _ = ask("exports", "rerun", "exp_1")
    assert (code, out) == (0, "exp_5\n")
    code, out, _ = ask("exports", "wait", "exp_2")
    assert (code, "tailrace pull exp_2 --out DIR" in out) == (0, True)
    server.states = [("running", 10), ("failed", 10)]
    code, out, err = ask("exports", "wait", "exp_3")
    assert (code, "exp_3 is failed" in out, "Traceback" in err) == (1, True, False)
    server.states = [("running", 10)]
    code, _, err = ask("exports", "wait", "exp_3", "--timeout", "0")
    assert (code, "tailrace exports wait exp_3" in err) == (4, True)


def test_tokens_users_and_apps(ask: Call, server: ContractServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command sends what was given and prints what came; a new token's text is alone on stdout."""
    monkeypatch.setattr("typer.prompt", lambda *_, **__: "pass word")
    code, out, err = ask("tokens", "create", "--name", "ci", "--scope", "exports.read", "--app", "a", "--user", "usr_1",
                         "--expires-at", "2027-01-01T00:00:00Z")  # fmt: skip
    assert (code, out, err) == (0, "tok_new\n", "")
    assert json.loads(server.seen[-1].body) == {
        "name": "ci", "scopes": ["exports.read"], "apps": ["a"], "user": "usr_1", "expires_at": "2027-01-01T00:00:00Z",
    }  # fmt: skip
    assert [row["name"] for row in good(ask("tokens", "list", "--ended", "--json"))] == ["ci"]
    assert ask("tokens", "refresh", "tkn_1")[1] == "tok_newer\n"
    assert good(ask("tokens", "revoke", "tkn_1", "--json")) == {"id": "tkn_1", "revoked": True}
    made = good(ask("users", "create", "a@b.c", "--role", "standard", "--password", "--app", "a", "--json"))
    assert (made["email"], json.loads(server.seen[-1].body)["password"]) == ("a@b.c", "pass word")
    assert "a@b.c" in ask("users", "list")[1]
    assert good(ask("users", "set", "usr_1", "--enable", "--json"))["id"] == "usr_1"
    assert json.loads(server.seen[-1].body) == {"disabled": False}
    assert good(ask("users", "disable", "usr_1", "--json")) == {"id": "usr_1", "disabled": True}
    assert good(ask("apps", "create", "shop", "--name", "Shop", "--json"))["id"] == "shop"
    assert "Shop" in ask("apps", "list")[1]
    server.plan(lambda *_: Reply(201, b'{"app": "shop", "key": "write_key", "value": "wk_new"}'), "POST", "keys:rotate")
    assert ask("apps", "rotate-keys", "shop", "--key", "write_key")[:2] == (0, "wk_new\n")
    assert json.loads(server.seen[-1].body) == {"key": "write_key"}


def test_switches(ask: Call, server: ContractServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rights are withheld and given back, events listed, blocked and shown again."""
    monkeypatch.setattr("typer.prompt", lambda *_, **__: "pass word")
    assert ask("users", "create", "a@b.c")[0] == 0
    for options, sent in ((("--withhold", "exports.read"), ["exports.read"]), (("--give-back",), [])):
        assert good(ask("users", "set", "usr_1", *options, "--json"))["id"] == "usr_1"
        assert json.loads(server.seen[-1].body) == {"withheld": sent}
    server.static["/v1/apps/shop/events"] = (
        b'{"name": "go", "blocked": true, "events": [{"name": "go", "blocked": true}]}'
    )
    assert good(ask("apps", "events", "shop", "--json")) == [{"name": "go", "blocked": True}]
    for command, blocked in (("block-event", True), ("unblock-event", False)):
        assert good(ask("apps", command, "shop", "go", "--json"))["name"] == "go"
        assert json.loads(server.seen[-1].body) == {"name": "go", "blocked": blocked}


def test_what_a_server_says_steers_no_terminal(ask: Call, server: ContractServer) -> None:
    """Escape sequences in names are shown as what they are not."""
    server.lists["apps"] = [{"id": "a", "name": "\x1b[2Jgone"}]
    assert "\x1b" not in ask("apps", "list")[1]


def test_export_by_a_server(ask: Call, server: ContractServer, tmp_path: Path) -> None:
    """The options of a local export become the request; it is followed, and pulled where --out says; --no-wait prints
    the id; --dry-run estimates; an export that fails is 1.
    """
    server.ready({"a.json": b"rows", "a.schema.json": b"{}"})
    server.states = [("running", 25), ("succeeded", 100)]
    done = good(ask("export", *WINDOW, "--event", "go", "--format", "csv", "--out", tmp_path / "out", "--json"))
    assert (done["export"], done["files"]) == ("exp_1", 2)
    assert (tmp_path / "out" / "a.json").read_bytes() == b"rows"
    sent = json.loads(server.asked("POST")[0].body)
    assert sent == {
        "app": "app_waves", "window": {"axis": "available"}, "format": "csv", "packing": "gzip", "split": "single",
        "filters": {"events": ["go"]}, "file_bytes": 256_000_000,
    }  # fmt: skip
    assert ask("export", *WINDOW, "--no-wait")[:2] == (0, "exp_2\n")
    assert "tailrace pull exp_3" in ask("export", *WINDOW, "--wait-until-complete")[1]
    assert json.loads(server.asked("POST")[-1].body)["wait_until_complete"] is True
    assert "about 20 events (at most 30)" in ask("export", *WINDOW, "--dry-run")[1]
    assert len(server.exports) == 4
    server.states = [("cancelled", 0)]
    assert ask("export", *WINDOW, "--out", tmp_path / "no")[0] == 1
    assert not (tmp_path / "no").exists()


def test_an_export_is_of_one_kind(ask: Call, tmp_path: Path) -> None:
    """What belongs to a server does not go with --data, nor --no-wait with --out; --data needs --out."""
    for options, says in (
        (("--data", tmp_path, "--out", tmp_path / "o", "--server", "http://x"), "exports without a server"),
        (("--data", tmp_path, "--out", tmp_path / "o", "--no-wait"), "exports without a server"),
        (("--data", tmp_path), "--out: is needed"),
        (("--no-wait", "--out", tmp_path / "o"), "exclude each other"),
        (("--from", "yesterday"), "--from: must be an ISO 8601 instant"),
    ):
        code, _, err = ask("export", *WINDOW, *options)
        assert (code, says in err) == (3, True), err


def test_each_ending_has_its_code(
    ask: Call, server: ContractServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal is 5, what is not there 3, what may mend 4, wrong bytes 1; each in one line with what to do."""
    server.ready({"a.json": b"rows"})
    server.plan(lambda _, answer: Reply(answer().status, b"swor"), "GET", "files/", times=9)
    ends = [
        (("pull", "exp_ready", "--out", tmp_path / "bad"), 1, "a.json: its SHA-256 is not that of the manifest"),
        (("pull", "ftp://x", "--out", tmp_path / "bad"), 3, "should be an export's id"),
        (("pull", tmp_path / "none", "--out", tmp_path / "x"), 3, "No such file"),
        (("exports", "show", "exp_no"), 3, "There is no export exp_no"),
        (("exports", "show", "x", "--token", "tok_wrong"), 5, "tailrace config show"),
        (("exports", "show", "x", "--server", "http://127.0.0.1:1"), 4, "see whether the server is up"),
    ]
    monkeypatch.setattr("tailrace.client.retrying.Retries._drawn", lambda *_: 0.0)
    for arguments, code, says in ends:
        got, out, err = ask(*arguments)
        assert (got, out) == (code, ""), (arguments, out, err)
        assert says in err.splitlines()[-1], err
        assert "tok_wrong" not in err
    server.plan(busy(999), "GET", "exports/x")
    assert ask("exports", "show", "x")[0] == 4


def completed(home: Path, line: str) -> list[str]:
    """What a real bash makes of a line and two tabs, with what --install-completion has written."""
    script = (
        'source "$HOME/.bash_completions/tailrace.sh"; COMP_WORDS=($1); COMP_CWORD=$2; '
        "$(complete -p tailrace | sed -E 's/.*-F ([^ ]+).*/\\1/') tailrace; printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    words = line.split(" ")
    environment = os.environ | {"HOME": str(home), "PATH": f"{home}/bin:{os.environ['PATH']}"}
    command = ["bash", "--norc", "-c", script, "bash", line, str(len(words) - 1)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()


def test_bash_completes_commands_and_options(home: Path) -> None:
    """`--install-completion` as a user runs it, then completion by bash: names of all commands although none of them
    is loaded, those of a group, and options.
    """
    (home / "bin").mkdir()
    program = home / "bin" / "tailrace"
    program.write_text(f"#!{sys.executable}\nfrom tailrace.cli.main import main\nmain()\n")
    program.chmod(0o755)
    environment = os.environ | {
        "HOME": str(home),
        "SHELL": "/bin/bash",
        "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
    }
    done = subprocess.run(
        [program, "--install-completion", "bash"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert completed(home, "tailrace export") == ["export", "exports"]
    assert completed(home, "tailrace exports ") == ["list", "show", "cancel", "rerun", "wait"]
    assert completed(home, "tailrace pull --par") == ["--parallel"]


def test_only_what_a_line_needs_is_loaded() -> None:
    """One command, all where none is named, and bare names while a shell completes the first word."""

    def names(*arguments: str, **environ: str) -> set[str]:
        app = app_for(arguments, environ)
        return {str(c.name) for c in app.registered_commands} | {str(g.name) for g in app.registered_groups}

    bash = {"_TAILRACE_COMPLETE": "complete_bash"}
    zsh = {"_TAILRACE_COMPLETE": "complete_zsh"}
    everything = set(COMMANDS)
    assert names("pull", "x") == {"pull"}
    assert names() == names("--help") == names("--install-completion") == everything
    assert names(**bash, COMP_WORDS="tailrace pull", COMP_CWORD="1") == everything
    assert names(**bash, COMP_WORDS="tailrace pull --o", COMP_CWORD="2") == {"pull"}
    assert names(**zsh, _TYPER_COMPLETE_ARGS="tailrace pull") == everything
    assert names(**zsh, _TYPER_COMPLETE_ARGS="tailrace pull ") == {"pull"}
    assert {str(c.name) for c in make_app().registered_commands} < everything
