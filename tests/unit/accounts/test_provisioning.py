"""`tailrace apply`: a store is made to look as a file says, once and for ever, or it is not touched at all."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tailrace.accounts.audit import Actor, in_space, page
from tailrace.accounts.keys import password_fits
from tailrace.accounts.limits import limit
from tailrace.accounts.logins import Credentials, principal_of_login
from tailrace.accounts.lookup import principal_of_token, scope_of_app, scope_of_write_key
from tailrace.accounts.provisioning import Applied, read_provisioning
from tailrace.accounts.tokens import WantedToken, make_token
from tailrace.db.tables import INBOX, META
from tailrace.model.errors import Invalid, Unauthorized
from tailrace.wiring import House, provision
from tests.conftest import PROVISIONING

Apply = Callable[[str], Applied]
Dump = dict[str, list[tuple[Any, ...]]]


@pytest.fixture
def apply(house: House, tmp_path: Path) -> Apply:
    """Applies the text of a file to the provisioned store."""

    def run(text: str) -> Applied:
        path = tmp_path / "wanted.toml"
        path.write_text(text, "utf-8")
        return provision(house, read_provisioning(path))

    return run


def everything(house: House) -> Dump:
    """Every row of every table."""
    found: Dump = {}
    for metadata, engine in ((META, house.database.meta), (INBOX, house.database.inbox)):
        with engine.connect() as connection:
            for table in metadata.sorted_tables:
                found[table.name] = [tuple(row) for row in connection.execute(sa.select(table))]
    return found


def space(body: str) -> str:
    """A file with one space, acme."""
    return f'[[spaces]]\nid = "acme"\n{body}'


def test_a_second_run_changes_nothing(house: House, apply: Apply) -> None:
    """The same file again leaves every row of every table as it is and says that nothing changed."""
    text = PROVISIONING + '[limits]\n"exports.max_running" = 50\n'
    apply(text)
    before = everything(house)
    applied = apply(text)
    assert (applied.changes, applied.tokens) == ([], [])
    assert everything(house) == before


def test_changes_are_applied_and_named(house: House, apply: Apply) -> None:
    """Each thing that a file changes is changed, and said; what it leaves out stays as it was."""
    changed = apply(
        space(
            '[[spaces.apps]]\nid = "app_waves"\nname = "Waves 2"\nwrite_key = "wk_new"\n'
            '[[spaces.users]]\nemail = "ana@example.com"\nrole = "standard"\n'
            '[[spaces.tokens]]\nvalue = "tok_ana"\nuser = "ana@example.com"\nscopes = ["exports.read"]\n'
            '[limits]\n"exports.max_running" = 7\n'
        )
    )
    assert changed.changes == [
        "changed app app_waves",
        "changed user ana@example.com",
        "changed token of ana@example.com",
        "set limit exports.max_running to 7",
    ]
    assert scope_of_write_key(house.database, "wk_new").app_id == "app_waves"
    with pytest.raises(Unauthorized):
        scope_of_write_key(house.database, "wk_waves")
    assert principal_of_token(house.database, house.identity.secret, "tok_ana").scopes == {"exports.read"}
    assert principal_of_login(house.database, Credentials("ana@example.com", "correct horse")).role == "standard"
    with house.database.read() as connection:
        assert limit(connection, "exports.max_running") == 7
    assert scope_of_app(house.database, "app_tides").app_id == "app_tides"


def test_a_space_gets_its_weight(house: House, apply: Apply) -> None:
    """1 unless it is set; a file that does not name it leaves it as it is."""
    assert weights(house) == {1}
    assert apply(space("weight = 3")).changes == ["changed space acme"]
    assert apply(space("")).changes == []
    assert weights(house) == {1, 3}
    assert apply('[[spaces]]\nid = "heavy"\nweight = 1000').changes == ["made space heavy"]
    assert weights(house) == {1, 3, 1000}


@pytest.mark.parametrize("weight", ["0", "1001", "-1", "1.5", '"2"'])
def test_a_weight_is_a_whole_number(apply: Apply, weight: str) -> None:
    """From 1 to 1,000; anything else is refused by name."""
    with pytest.raises(Invalid) as caught:
        apply(space(f"weight = {weight}"))
    assert caught.value.where.endswith("weight")


def weights(house: House) -> set[int]:
    """All weights of spaces."""
    with house.database.read() as connection:
        return set(connection.scalars(sa.select(META.tables["spaces"].c.weight)))


def test_passwords_come_from_the_environment_and_from_files(
    house: House, apply: Apply, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`env:` and `file:` name where a password is; the line break at a file's end is not part of it."""
    monkeypatch.setenv("ANA_PASSWORD", "from the environment")
    (tmp_path / "password").write_text("from a file\n")
    for reference, password in (
        ("env:ANA_PASSWORD", "from the environment"),
        (f"file:{tmp_path / 'password'}", "from a file"),
        ("the text itself", "the text itself"),
    ):
        apply(space(f'[[spaces.users]]\nemail = "ana@example.com"\nrole = "admin"\npassword = "{reference}"\n'))
        assert principal_of_login(house.database, Credentials("ana@example.com", password)).who == "ana@example.com"
        wrong = reference if reference != password else "correct horse"
        with pytest.raises(Unauthorized):
            principal_of_login(house.database, Credentials("ana@example.com", wrong))


WRONG = {
    "an unknown key at the top": ("wat = 1", "wat", "no such key"),
    "an unknown key of an app": (space('[[spaces.apps]]\nid = "x"\nwat = 1'), "spaces[0].apps[0].wat", "no such key"),
    "a missing key": (space('[[spaces.apps]]\nname = "x"'), "spaces[0].apps[0].id", "needed"),
    "a wrong type": (space('[[spaces.apps]]\nid = "x"\nname = 1'), "spaces[0].apps[0].name", "Expected `str`"),
    "an id that cannot be part of a path": (space('[[spaces.apps]]\nid = "../x"'), "spaces[0].apps[0].id", "letters"),
    "an empty key": (space('[[spaces.apps]]\nid = "x"\nwrite_key = ""'), "spaces[0].apps[0].write_key", "regex"),
    "an empty token": (
        space('[[spaces.tokens]]\nuser = "ana@example.com"\nvalue = ""'),
        "spaces[0].tokens[0].value",
        "regex",
    ),
    "an unknown role": (space('[[spaces.users]]\nemail = "a"\nrole = "king"'), "spaces[0].users[0].role", "enum value"),
    "an unknown scope": (
        space('[[spaces.users]]\nemail = "a"\n[[spaces.tokens]]\nuser = "a"\nvalue = "t"\nscopes = ["exports.raed"]'),
        "tokens.scopes",
        "exports.read",
    ),
    "an unknown limit": ('[limits]\n"exports.wat" = 1', "limits.exports.wat", "no such policy"),
    "a limit that is no number": ('[limits]\n"exports.max_running" = "5"', "limits.exports.max_running", "whole"),
    "a limit that is a truth value": ('[limits]\n"exports.max_running" = true', "limits.exports.max_running", "whole"),
    "a limit below zero": ('[limits]\n"exports.max_running" = -1', "limits.exports.max_running", "0 or more"),
    "a write key of another app": (
        space('[[spaces.apps]]\nid = "new"\nwrite_key = "wk_tides"'),
        "apps.new.write_key",
        "another app",
    ),
    "an api key of another app": (
        space('[[spaces.apps]]\nid = "new"\napi_key = "WAVESAPIKEY0000000001"'),
        "apps.new.api_key",
        "another app",
    ),
    "an export key of another app": (
        space('[[spaces.apps]]\nid = "new"\nexport_key = "ek_waves"'),
        "apps.new.export_key",
        "another app",
    ),
    "an app of another space": (space('[[spaces.apps]]\nid = "app_other"'), "apps.app_other", "another space"),
    "a token of another space": (
        space('[[spaces.tokens]]\nuser = "ana@example.com"\nvalue = "tok_bob"'),
        "tokens.value",
        "another space",
    ),
    "a token of nobody": (space('[[spaces.tokens]]\nuser = "eve@example.com"'), "tokens.user", "eve@example.com"),
    "a variable that is not set": (
        space('[[spaces.users]]\nemail = "a"\npassword = "env:TAILRACE_NOT_SET"'),
        "users.a.password",
        "TAILRACE_NOT_SET",
    ),
    "a file that is not there": (
        space('[[spaces.users]]\nemail = "a"\npassword = "file:/not/there"'),
        "users.a.password",
        "/not/there",
    ),
    "an empty password": (space('[[spaces.users]]\nemail = "a"\npassword = ""'), "users.a.password", "empty"),
    "no TOML": ("[[", "wanted.toml", "not TOML"),
}


def test_an_error_names_the_key_and_applies_nothing(house: House, apply: Apply) -> None:
    """What is wrong is named by its path, and nothing of the file is applied, not even what stood before it."""
    before = everything(house)
    good = '[[spaces]]\nid = "fresh"\n[[spaces.apps]]\nid = "fresh_app"\nwrite_key = "wk_fresh"\n'
    for wrong, (text, where, why) in WRONG.items():
        with pytest.raises(Invalid) as caught:
            apply(good + text if text.startswith("[[spaces") else text)
        assert caught.value.where == where.replace("spaces[0]", "spaces[1]"), wrong
        assert why in caught.value.why, wrong
        assert everything(house) == before, wrong


def test_a_token_is_generated_once(house: House, apply: Apply) -> None:
    """A token without a value is made and shown at the first run and then left alone; other rights are another."""
    text = space('[[spaces.tokens]]\nuser = "ana@example.com"\nscopes = ["exports.read"]\napps = ["app_waves"]\n')
    ((user, token),) = apply(text).tokens
    assert user == "ana@example.com"
    found = principal_of_token(house.database, house.identity.secret, token)
    assert found.scopes == {"exports.read"}
    assert found.apps == {"app_waves"}
    assert apply(text).tokens == []
    ((_, other),) = apply(text.replace("app_waves", "app_tides")).tokens
    assert other != token


def test_passwords_are_kept_as_argon2id(house: House) -> None:
    """A stored password is an argon2id hash that fits its text and no other."""
    with house.database.read() as connection:
        stored = connection.scalar(sa.text("SELECT password_hash FROM users WHERE email = 'ana@example.com'"))
    assert str(stored).startswith("$argon2id$")
    assert password_fits(stored, "correct horse")
    assert not password_fits(stored, "correct house")


def test_no_secret_is_kept_in_clear(house: House, apply: Apply, tmp_path: Path) -> None:
    """No table holds a password, a token or an export key as text, nor do the files of the embedded database.

    Write keys and API keys are no secrets: they are built into apps that anyone can open.
    """
    planted = ["PLANTED_PASSWORD", "PLANTED_TOKEN", "PLANTED_EXPORT_KEY"]
    ((_, generated),) = apply(
        space(
            f'[[spaces.apps]]\nid = "app_new"\nexport_key = "{planted[2]}"\n'
            f'[[spaces.users]]\nemail = "eve@example.com"\nrole = "admin"\npassword = "{planted[0]}"\n'
            f'[[spaces.tokens]]\nuser = "eve@example.com"\nvalue = "{planted[1]}"\n'
            '[[spaces.tokens]]\nuser = "eve@example.com"\nscopes = ["exports.read"]\n'
        )
    ).tokens
    eve = principal_of_login(house.database, Credentials("eve@example.com", planted[0]))
    made = make_token(house.database, house.identity.secret, eve, WantedToken(), Actor(eve.space, eve.who))
    secrets = [text.encode() for text in (*planted, generated, made.text)]
    contents = [everything_as_bytes(everything(house))]
    contents += [path.read_bytes() for path in tmp_path.rglob("*") if path.suffix in (".db", ".db-wal")]
    assert b"eve@example.com" in contents[0], "the walk would find it"
    assert [secret for secret in secrets if any(secret in content for content in contents)] == []


def everything_as_bytes(dump: Dump) -> bytes:
    """All values of all rows, one after the other."""
    cells = [cell for rows in dump.values() for row in rows for cell in row]
    return b"\n".join(cell if isinstance(cell, bytes) else str(cell).encode() for cell in cells)


def test_what_was_applied_is_in_the_audit(house: House, apply: Apply) -> None:
    """Each space is told what was changed in it, every space of limits; what changes nothing is not told."""
    text = space('[[spaces.apps]]\nid = "app_new"\n') + '[limits]\n"exports.max_running" = 7\n'
    before = len(page(house.database, in_space("acme"), 100))
    apply(text)
    apply(text)
    limits, applied = page(house.database, in_space("acme"), 100)[:-before]
    assert (applied.action, applied.detail, applied.who) == (
        "provisioning.applied",
        {"changes": ["made app app_new"]},
        "tailrace apply",
    )
    assert (limits.action, limits.detail) == ("limits.changed", {"exports.max_running": 7})
    (newest,) = page(house.database, in_space("other"), 1)
    assert newest.action == "limits.changed"
