"""The token bucket of reports, and the headers that tell how full it is."""

from collections.abc import Mapping

from msgspec import Struct

from tailrace.accounts.limits import limit
from tailrace.accounts.quotas import TOKEN, take
from tailrace.db.engine import Database
from tailrace.model.access import Principal
from tailrace.model.clock import MINUTE, SECOND
from tailrace.model.errors import TooSoon

_NAME = "reports"


class Rate(Struct, frozen=True):
    """A bucket after a request was counted: its size, requests left, given back a second; or that it was empty."""

    burst: int
    left: float
    a_second: float
    refused: TooSoon | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        """What the vendor's answers say of it; nothing where there is no limit."""
        if not self.burst:
            return {}
        return {
            "x-ratelimit-limit": f"{self.burst:.1f}",
            "x-ratelimit-remaining": f"{self.left:.1f}",
            "x-ratelimit-refillpersecond": f"{self.a_second:.1f}",
        }


def count_request(database: Database, principal: Principal) -> Rate:
    """Count a request of a token."""
    with database.read() as connection:
        burst, refill = limit(connection, f"{_NAME}.burst"), limit(connection, f"{_NAME}.refill_per_minute")
    a_second = refill * SECOND / MINUTE
    if not burst:
        return Rate(0, 0, a_second)
    subject = f"tkn_{principal.token}"
    try:
        with database.count() as connection:
            left = take(connection, principal.space, _NAME, subject, burst, refill, database.now(connection))
    except TooSoon as refused:
        return Rate(burst, 0, a_second, refused)
    return Rate(burst, left.level / TOKEN, a_second)
