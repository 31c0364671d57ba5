"""What is said of errors of the client, and how a command ends with them."""

from msgspec import Struct

from tailrace.cli import codes
from tailrace.cli.remote.views import safe
from tailrace.client import ConnectionLost, Mismatch, ProblemError, WaitTimeout


class Known(Struct, frozen=True):
    """One line for people, and an exit code."""

    text: str
    code: int


def explained(error: Exception) -> Known | None:
    """An error of the client; None for any other."""
    match error:
        case ProblemError():
            return Known(_advised(error), _code(error))
        case ConnectionLost():
            return Known(f"{safe(str(error))}; see whether the server is up and --server right", codes.TRY_AGAIN)
        case WaitTimeout():
            return Known(f"{error}: tailrace exports wait {error.export.id}", codes.TRY_AGAIN)
        case Mismatch():
            return Known(f"{safe(str(error))}; pull it anew, and if that does not help, export anew", codes.FOUND_WRONG)
    return None


def _code(error: ProblemError) -> int:
    if error.status in (401, 403):
        return codes.REFUSED
    return codes.TRY_AGAIN if error.retryable else codes.BAD_INPUT


def _advised(error: ProblemError) -> str:
    """What the server says, and what helps here where that speaks of requests."""
    text = safe(error.detail)
    if error.status == 401:
        text = "the server does not know the token; see which one is used with: tailrace config show"
    return f"{text} [{error.code}]"
