"""What a surface is: one dialect over HTTP."""

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct
from starlette.responses import Response

from tailrace.model.errors import TailraceError
from tailrace.web.curls import Spoken
from tailrace.web.operations import Operation

ErrorTable = Mapping[type[TailraceError], Callable[[TailraceError], Response]]


class Surface(Struct, frozen=True):
    """A dialect: its operations, the path prefixes that are its own, of which the longest counts, and its reply to each
    domain error.

    `unknown` answers what no route of it takes, such as a wrong method: (status, what happened) -> response. `spoken`
    is how the portal shows to ask it for what an export asked for.
    """

    name: str
    prefixes: Sequence[str]
    operations: Sequence[Operation]
    errors: ErrorTable
    unknown: Callable[[int, str], Response]
    spoken: Spoken | None = None

    def reply(self, error: TailraceError) -> Response:
        """The reply to a domain error, by its class or the nearest class above it."""
        for kind in type(error).__mro__:
            if kind in self.errors:
                return self.errors[kind](error)
        return self.unknown(500, "the server failed")
