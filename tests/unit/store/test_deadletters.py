"""Dead letters: kept once, counted always, settled once."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from tailrace.accounts.lookup import scope_of_app
from tailrace.model.access import Scope
from tailrace.model.errors import NotFound
from tailrace.store.deadletters import DeadLetter, bury, find, listing, settle, waiting
from tailrace.store.inbox import Submission, append
from tailrace.store.ledger import ledger
from tailrace.wiring import House

LETTER = DeadLetter("events", 3, "event: a name is needed", b'{"id":"x"}', "{}")


def send_dead(house: House, scope: Scope, letters: Sequence[DeadLetter], at: int = 1) -> None:
    """A request of which nothing could be accepted."""
    append(house.database, [Submission(scope, at, {}, letters)])


def count(house: House, scope: Scope) -> int:
    """How many records still wait."""
    with house.database.read_inbox() as connection:
        return waiting(connection, scope)


def test_the_same_letter_again_is_counted_not_kept_twice(house: House, scope: Scope) -> None:
    """Three times the same record, also within one request, is one letter seen three times, and three received."""
    send_dead(house, scope, [LETTER], at=5)
    send_dead(house, scope, [LETTER, LETTER], at=9)
    [found] = listing(house.database, scope)
    assert (found.seen, found.replayed, found.received_at, found.letter) == (3, 0, 5, LETTER)
    assert count(house, scope) == 3
    assert (ledger(house.database, scope).received, ledger(house.database, scope).holds) == (3, True)


def test_what_differs_is_another_letter(house: House, scope: Scope) -> None:
    """Another source, place, context or content is a letter of its own; another reason alone is not."""
    others = [
        replace(LETTER, source="file.csv"),
        replace(LETTER, position=4),
        replace(LETTER, context='{"map":1}'),
        replace(LETTER, raw=b'{"id":"y"}'),
    ]
    send_dead(house, scope, [LETTER, *others])
    send_dead(house, scope, [replace(LETTER, reason="put in other words")])
    found = [buried.letter for buried in listing(house.database, scope)]
    assert sorted(found, key=repr) == sorted([LETTER, *others], key=repr)
    assert count(house, scope) == 6


def test_a_letter_is_settled_once(house: House, scope: Scope) -> None:
    """Of two replays of one letter one wins; a settled letter waits no longer and can still be looked up."""
    send_dead(house, scope, [LETTER, LETTER])
    [found] = listing(house.database, scope)
    settled = []
    for _ in range(2):
        with house.database.write_inbox() as connection:
            settled.append(settle(connection, scope, found))
    assert settled == [True, False]
    assert (listing(house.database, scope), count(house, scope)) == ([], 0)
    assert find(house.database, scope, found.number).replayed == 2


def test_a_letter_that_came_again_meanwhile_is_not_settled(house: House, scope: Scope) -> None:
    """A replay of what was seen once must not also settle what came while it ran."""
    send_dead(house, scope, [LETTER])
    [found] = listing(house.database, scope)
    send_dead(house, scope, [LETTER])
    with house.database.write_inbox() as connection:
        assert not settle(connection, scope, found)
    assert count(house, scope) == 2


def test_a_settled_letter_that_comes_again_waits_again(house: House, scope: Scope) -> None:
    """Only what came after the replay waits."""
    send_dead(house, scope, [LETTER, LETTER])
    with house.database.write_inbox() as connection:
        settle(connection, scope, listing(house.database, scope)[0])
    send_dead(house, scope, [LETTER])
    [found] = listing(house.database, scope)
    assert (found.seen, found.replayed, count(house, scope)) == (3, 2, 1)


def test_letters_of_another_app_are_out_of_reach(house: House, scope: Scope) -> None:
    """A number of another app, or of another space, is not found, not listed and not settled."""
    send_dead(house, scope, [LETTER])
    [found] = listing(house.database, scope)
    for stranger in ("app_tides", "app_other"):
        other = scope_of_app(house.database, stranger)
        assert (listing(house.database, other), count(house, other)) == ([], 0)
        with pytest.raises(NotFound):
            find(house.database, other, found.number)
        with house.database.write_inbox() as connection:
            assert not settle(connection, other, found)
    assert count(house, scope) == 1


def test_any_bytes_and_many_letters_are_kept(house: House, scope: Scope) -> None:
    """A rejected record may be anything: not UTF-8, with NUL, empty, large; a request may hold many."""
    raws = [b"", b"\x00\xff\xfe", b"x" * 100_000, *(str(n).encode() for n in range(1500))]
    letters = [DeadLetter("events", place, "ünreadable 😀", raw, "{}") for place, raw in enumerate(raws)]
    with house.database.write_inbox() as connection:
        bury(connection, [(scope, 1, letter) for letter in letters])
    assert [buried.letter for buried in listing(house.database, scope)] == letters
