"""Looking a token up: what the row says now holds at once, and what is written beside is best effort."""

from collections.abc import Iterator

import pytest
from sqlalchemy import event, select, update

from tailrace.accounts.keys import hash_token, token_hash
from tailrace.accounts.lookup import principal_of_token
from tailrace.accounts.recent import Recent
from tailrace.accounts.verifiers import Verifiers
from tailrace.db.tables import tokens, users
from tailrace.model.errors import Unauthorized, Unavailable
from tailrace.wiring import House
from tests.unit.clocks import MovedClock, moved


@pytest.fixture
def clock() -> MovedClock:
    """The store's clock."""
    return MovedClock()


@pytest.fixture
def store(house: House, clock: MovedClock, monkeypatch: pytest.MonkeyPatch) -> House:
    """A store in a process that has seen no token yet."""
    monkeypatch.setattr("tailrace.accounts.uses._verifiers", Verifiers())
    monkeypatch.setattr("tailrace.accounts.uses._tried", Recent())
    return moved(house, clock)


@pytest.fixture
def changes(store: House) -> Iterator[list[str]]:
    """What is written to the metadata."""
    seen: list[str] = []

    def note(_c: object, _k: object, statement: str, *_more: object) -> None:
        if statement.startswith("UPDATE"):
            seen.append(statement)

    event.listen(store.database.meta, "before_cursor_execute", note)
    yield seen
    event.remove(store.database.meta, "before_cursor_execute", note)


def known(store: House) -> bool:
    """Whether ana's token is known."""
    try:
        return principal_of_token(store.database, store.identity.secret, "tok_ana").who == "ana@example.com"
    except Unauthorized:
        return False


def change(store: House, **values: object) -> None:
    """Change ana's token behind everybody's back."""
    mine = tokens.c.hash == token_hash(store.identity.secret, "tok_ana")
    with store.database.write() as connection:
        connection.execute(update(tokens).where(mine).values(**values))


def row(store: House) -> tuple[str | None, int | None]:
    """Verifier and last use of ana's token."""
    mine = tokens.c.hash == token_hash(store.identity.secret, "tok_ana")
    with store.database.read() as connection:
        found = connection.execute(select(tokens.c.verifier, tokens.c.used_at).where(mine)).one()
    return found.verifier, found.used_at


def test_a_remembered_token_hides_nothing(store: House, clock: MovedClock) -> None:
    """However often it was verified, revoking, expiry, another verifier and a disabled owner count at the next look."""
    verifier, _ = row(store)
    end = clock.now() + 60_000
    for values, back in (
        ({"revoked_at": 1}, {"revoked_at": None}),
        ({"expires_at": 1}, {"expires_at": end}),
        ({"verifier": hash_token("another")}, {"verifier": verifier}),
        ({"kind": "login"}, {"kind": "api"}),
    ):
        assert known(store)
        change(store, **values)
        assert not known(store), values
        change(store, **back)
    assert known(store)
    with store.database.write() as connection:
        connection.execute(update(users).values(disabled_at=1))
    assert not known(store)
    with store.database.write() as connection:
        connection.execute(update(users).values(disabled_at=None))
    assert known(store)
    clock.shift = 61_000
    assert not known(store)


def test_argon2_runs_once(store: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first look verifies, the next hundred remember."""
    calls: list[str] = []
    real = Verifiers.fits.__globals__["token_fits"]

    def fits(stored: str, token: str) -> bool:
        calls.append(token)
        found: bool = real(stored, token)
        return found

    monkeypatch.setattr("tailrace.accounts.verifiers.token_fits", fits)
    assert all(known(store) for _ in range(100))
    assert calls == ["tok_ana"]


def test_a_token_of_an_older_release_gets_a_verifier(store: House) -> None:
    """One without a verifier works, has one from its first use on, and that one fits it and no other."""
    change(store, verifier=None)
    assert known(store)
    verifier, _ = row(store)
    assert verifier is not None
    assert verifier.startswith("$argon2id$")
    assert known(store)


def test_use_is_written_once_a_minute(store: House, clock: MovedClock, changes: list[str]) -> None:
    """A hundred requests write once; a minute later once more."""
    for minute in (0, 1):
        clock.shift = minute * 60_000
        before = clock.now()
        assert all(known(store) for _ in range(50))
        _, used = row(store)
        assert used is not None
        assert used >= before
        assert len(changes) == minute + 1


def test_what_cannot_be_written_refuses_nobody(store: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that only reads lets tokens in, also those that lack a verifier, and is asked to write once."""
    change(store, verifier=None, used_at=None)
    asked: list[int] = []

    def write(_self: object) -> None:
        asked.append(1)
        raise Unavailable("the database is read-only", 5)

    with monkeypatch.context() as patch:
        patch.setattr("tailrace.db.engine.Database.count", write)
        assert all(known(store) for _ in range(5))
    assert len(asked) == 2, "the verifier and the use, once each"
    assert row(store) == (None, None)


def test_what_is_recent_is_bounded() -> None:
    """A thing is due after its pause, and when the clock was set back; the oldest is forgotten."""
    recent = Recent(most=2)
    assert recent.first(b"a", 1000, 60)
    assert not recent.first(b"a", 1059, 60)
    assert recent.first(b"a", 1060, 60)
    assert recent.first(b"a", 10, 60)
    assert recent.first(b"b", 10, 60)
    assert recent.first(b"c", 10, 60)
    assert recent.first(b"a", 11, 60)
    assert not recent.first(b"c", 11, 60)
