"""How a command ends: every foreseen error is a line on stderr and an exit code."""

import sys

import typer

from tailrace.cli.codes import BAD_INPUT, INTERRUPTED, OK, TRY_AGAIN, USAGE
from tailrace.model.clock import iso
from tailrace.model.errors import (
    CursorRefused,
    Forbidden,
    Invalid,
    Malformed,
    NotFound,
    TailraceError,
    Unavailable,
    WindowInFuture,
)

_CURSORS = {
    "unreadable": "it is damaged; copy `cursor` from the last manifest unchanged",
    "epoch": "the store was restored since it was made; begin a new chain without it",
    "app": "it belongs to another app; use that of this app's last manifest",
    "request": "shape or filters differ from the chain's; ask for the same, or begin a new chain without it",
    "ahead": "it is ahead of this store's newest commit; see whether this is the right store",
}


def run(app: typer.Typer) -> int:
    """Run the application; every foreseen error becomes one line and a code."""
    try:
        code = app(standalone_mode=False, prog_name="tailrace")
    except typer.Exit as error:
        return error.exit_code
    except typer.TyperException as error:
        _show_usage(error)
        return USAGE
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except (TailraceError, OSError, UnicodeDecodeError) as error:
        print(f"tailrace: {_explain(error)}", file=sys.stderr)
        return _code(error)
    except Exception as error:
        from tailrace.cli.remote.faults import explained  # most runs speak to no server

        known = explained(error)
        if known is None:
            raise
        print(f"tailrace: {known.text}", file=sys.stderr)
        return known.code
    return code if isinstance(code, int) else OK


def _show_usage(error: typer.TyperException) -> None:
    """What is wrong with the command line, and how to see what is right; the help itself where it was left empty."""
    show = getattr(error, "show", None)  # usage errors have it; typer names no public class for them
    if show is not None:
        show()
    else:
        print(f"tailrace: {error.format_message()}", file=sys.stderr)


def _code(error: Exception) -> int:
    return TRY_AGAIN if isinstance(error, Unavailable) else BAD_INPUT


def _explain(error: Exception) -> str:
    match error:
        case Invalid():
            return f"{error.where}: {error.why}"
        case NotFound():
            return f"there is no {error.kind} {error.name}"
        case Malformed():
            return error.why
        case OSError(filename=str() as name, strerror=str() as why):
            return f"{name}: {why}"
        case UnicodeDecodeError():
            return f"an input is not UTF-8 text: {error}"
        case CursorRefused():
            return f"the chain cannot continue from this cursor: {_CURSORS[error.reason]}"
        case WindowInFuture():
            return f"the window ends in the future, at {iso(error.end)}; wait until then, or leave out its end"
        case Forbidden():
            return f"the token lacks the scope {error.needs}"
        case Unavailable():
            return f"{error.why}; try again in {error.seconds} s"
        case _:
            return str(error)
