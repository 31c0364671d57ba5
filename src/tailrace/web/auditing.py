"""What a request tells the audit."""

from tailrace.accounts.audit import Actor, actor_of
from tailrace.web.operations import Call


def actor(call: Call) -> Actor:
    """Whoever calls, and from where."""
    return actor_of(call.principal)
