"""Retry: what the class of an error says about trying again."""

import errno
import os
from collections.abc import Mapping

from msgspec import Struct

from tailrace.model.clock import MINUTE, SECOND
from tailrace.model.errors import TailraceError, Unavailable


class Rule(Struct, frozen=True):
    """How to try again: after `first_ms`, doubling to `most_ms`, at most `attempts` times (None: as the setting says).

    `counts` says whether it is a failure of the job; an outage is not.
    """

    first_ms: int
    most_ms: int
    attempts: int | None
    counts: bool


# Storage or database is away or full. Someone is mending it; for a day the job waits for them.
OUTAGE = Rule(SECOND, MINUTE, 24 * 60, counts=False)
# Something that this job made is damaged: it is made again.
AT_ONCE = Rule(0, 0, None, counts=True)
# Trying again changes nothing.
NEVER = Rule(0, 0, 0, counts=True)
# Nobody knows.
PUZZLE = Rule(SECOND, MINUTE, None, counts=True)

_FULL = "the disk is full: free some space"
_ADVICE = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: "the disk is read-only: look into the system's log, mend it and mount it for writing",
    errno.EACCES: "the server may not read or write its files: give its user the right to",
    errno.EMFILE: "too many files are open: raise the limit of the process",
    errno.EIO: "the disk reports errors: look into the system's log",
}

RULES: Mapping[type[Exception], Rule] = {
    Unavailable: OUTAGE,
    OSError: OUTAGE,
    FileNotFoundError: PUZZLE,  # storage answers, and what should be there is not
    TailraceError: NEVER,
    Exception: PUZZLE,
}


def rule_for(error: Exception, more: Mapping[type[Exception], Rule] | None = None) -> Rule:
    """The rule of the nearest class of an error, in `RULES` and in those that the caller's room knows (`more`)."""
    rules = {**RULES, **(more or {})}
    return next(rules[kind] for kind in type(error).__mro__ if kind in rules)


def delay_ms(rule: Rule, failures: int) -> int:
    """How long to wait after so many failures (or outages, whichever the rule counts), the latest included."""
    return min(rule.most_ms, rule.first_ms << min(max(failures - 1, 0), 32))


def explain(error: Exception) -> str:
    """What went wrong and what to do, in words that name no path, host or user: tenants may read them."""
    if isinstance(error, OSError) and rule_for(error) is OUTAGE:
        known = os.strerror(error.errno) if error.errno else type(error).__name__
        return _ADVICE.get(error.errno or 0, f"the storage did not answer: {known}")
    if isinstance(error, Unavailable):
        return error.why
    if isinstance(error, TailraceError):
        return f"{error.code}: {error}"
    return f"{type(error).__name__}: see the server's log"
