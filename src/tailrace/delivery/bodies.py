"""Bodies of webhooks: each surface says in its own words how an export ended."""

from collections.abc import Callable, Mapping

from msgspec import Struct

from tailrace.accounts.store import Identity
from tailrace.db.engine import Database
from tailrace.model.access import Scope


class Occasion(Struct, frozen=True):
    """The end of an export that a webhook is to tell of. Links in its body begin with `base`, without a slash."""

    database: Database
    identity: Identity
    scope: Scope
    export: str
    base: str


Body = Callable[[Occasion], bytes]  # JSON
Bodies = Mapping[str, Body]  # by the name that `Webhook.body` has
