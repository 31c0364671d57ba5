"""When to ask again, and how long to wait before."""

import random
from collections.abc import Callable

from msgspec import Struct

from tailrace.client.problems import ClientError, ConnectionLost, ProblemError


class Retries(Struct, frozen=True):
    """How often (`most` repeats) and how patiently requests are repeated; times in seconds.

    A pause is drawn evenly from 0 to `first_s`, and from twice as much each time, up to `longest_s`; so clients that
    failed together do not come back together. A server's Retry-After is waited for, and the pause on top of it; one
    that asks for more than `patience_s` is left to the caller.
    """

    most: int = 5
    first_s: float = 0.25
    longest_s: float = 15.0
    patience_s: float = 120.0
    chance: Callable[[], float] = random.random  # spreads pauses; nothing secret

    def pause(self, error: ClientError, before: int, *, repeatable: bool) -> float | None:
        """Seconds to wait before asking again, after `before` repeats; None if asking again is wrong.

        Args:
            error: what came of the last request.
            before: how many repeats there were before it.
            repeatable: whether the request may be carried out twice.
        """
        if before >= self.most or not self._helps(error, repeatable):
            return None
        asked = error.retry_after or 0.0 if isinstance(error, ProblemError) else 0.0
        return None if asked > self.patience_s else asked + self._drawn(before)

    def _drawn(self, before: int) -> float:
        return self.chance() * min(self.longest_s, self.first_s * 2.0 ** min(before, 30))

    def _helps(self, error: ClientError, repeatable: bool) -> bool:
        match error:
            case ConnectionLost():
                return repeatable
            case ProblemError() if error.code.startswith("http_"):  # nobody knows how far it came
                return error.retryable and repeatable
            case ProblemError():  # 409 and 400 can change too, but only when something else happens first
                return error.retryable and (error.status == 429 or error.status >= 500)
        return False
