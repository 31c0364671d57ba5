"""Retry: each class of error has its rule, and words that help."""

import errno

import pytest

from tailrace.jobs.retry import AT_ONCE, NEVER, OUTAGE, PUZZLE, Rule, delay_ms, explain, rule_for
from tailrace.model.clock import DAY, MINUTE, SECOND
from tailrace.model.errors import CursorRefused, Invalid, NotFound, Unavailable

SECRET = "/srv/secret/place"


class Torn(Exception):
    """An error of a higher room."""


class VeryTorn(Torn):
    """A special case of it."""


@pytest.mark.parametrize(
    "error",
    [
        Unavailable("the database did not answer", 5),
        OSError(errno.ENOSPC, "full", SECRET),
        OSError(errno.EROFS, "read-only", SECRET),
        ConnectionResetError(errno.ECONNRESET, "reset"),
        TimeoutError("slow"),
        PermissionError(errno.EACCES, "denied", SECRET),
    ],
)
def test_outages_wait_for_a_day_and_are_no_failures(error: Exception) -> None:
    """From a second to a minute between tries, however often before, and nothing is counted against the job."""
    rule = rule_for(error)
    assert rule is OUTAGE
    assert not rule.counts
    waits = [delay_ms(rule, number) for number in range(1, (rule.attempts or 0) + 1)]
    assert waits[:8] == [1 * SECOND, 2 * SECOND, 4 * SECOND, 8 * SECOND, 16 * SECOND, 32 * SECOND, MINUTE, MINUTE]
    assert DAY - 10 * MINUTE < sum(waits) <= DAY


@pytest.mark.parametrize("error", [Invalid("window", "no"), CursorRefused("epoch"), NotFound("app", "a")])
def test_what_cannot_work_is_not_tried_again(error: Exception) -> None:
    """A request that cannot be will not be when it is asked again."""
    assert rule_for(error) is NEVER
    assert NEVER.attempts == 0


@pytest.mark.parametrize("error", [ValueError("?"), MemoryError(), FileNotFoundError(errno.ENOENT, "gone", SECRET)])
def test_what_nobody_knows_is_tried_a_few_times(error: Exception) -> None:
    """As often as the setting says, with longer and longer pauses."""
    rule = rule_for(error)
    assert rule is PUZZLE
    assert (rule.attempts, rule.counts) == (None, True)
    assert [delay_ms(rule, number) for number in (1, 2, 3, 100, 10_000)] == [
        SECOND,
        2 * SECOND,
        4 * SECOND,
        MINUTE,
        MINUTE,
    ]


def test_rooms_know_their_own_errors() -> None:
    """A rule holds for a class and those below it, and the nearest one holds."""
    more: dict[type[Exception], Rule] = {Torn: AT_ONCE}
    assert rule_for(Torn()) is PUZZLE
    assert rule_for(Torn(), more) is AT_ONCE
    assert rule_for(VeryTorn(), more) is AT_ONCE
    assert rule_for(VeryTorn(), {**more, VeryTorn: NEVER}) is NEVER
    assert delay_ms(AT_ONCE, 5) == 0


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(errno.ENOSPC, f"no space for {SECRET}", SECRET), "free some space"),
        (OSError(errno.EROFS, f"{SECRET} is read-only", SECRET), "read-only"),
        (PermissionError(errno.EACCES, SECRET, SECRET), "may not read or write"),
        (OSError(errno.ECONNREFUSED, SECRET), "Connection refused"),
        (OSError(SECRET), "the storage did not answer"),
        (FileNotFoundError(errno.ENOENT, SECRET, SECRET), "see the server's log"),
        (Unavailable("the database did not answer", 5), "the database did not answer"),
        (CursorRefused("epoch"), "cursor_refused"),
        (RuntimeError(SECRET), "RuntimeError: see the server's log"),
    ],
)
def test_words_say_what_to_do_and_name_no_place(error: Exception, says: str) -> None:
    """Tenants read them with their exports, so no path or host of ours stands in them."""
    assert says in explain(error)
    assert SECRET not in explain(error)
