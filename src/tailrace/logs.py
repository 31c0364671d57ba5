"""The log: one line per event on stderr, as ``key=value`` or as JSON.

Loading what writes it takes a tenth of a command's start, so that happens with the first line: most commands write
none.
"""

import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, Literal, TextIO, cast

Level = Literal["debug", "info", "warning", "error"]
_LEVELS: Mapping[Level, int] = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class Logger:
    """Lines of a level, each with its event and fields: ``debug``, ``info``, ``warning``, ``error``, ``exception``."""

    def __getattr__(self, level: str) -> Any:
        return getattr(_writer(), level)


log = Logger()
_as_json = False
_least: Level = "info"
_bound: ContextVar[Mapping[str, object]] = ContextVar("tailrace_bound")
_NOTHING: Mapping[str, object] = {}
_set_up: tuple[bool, Level] | None = None  # how lines are written since the last one
_written_by: Any = None  # what writes them so


def configure_logs(*, as_json: bool | None = None, level: Level | None = None) -> None:
    """Write the log of this process as JSON or as ``key=value``, from a level on; what is None stays as it is."""
    global _as_json, _least
    _as_json = _as_json if as_json is None else as_json
    _least = _least if level is None else level


@contextmanager
def bound(**values: object) -> Iterator[None]:
    """Add fields to each line of a block. A thread that the block starts has them if it runs in the block's context."""
    token = _bound.set({**_bound.get(_NOTHING), **values})
    try:
        yield
    finally:
        _bound.reset(token)


def bound_value(name: str) -> object:
    """A field that every line has here; None if there is no such field."""
    return _bound.get(_NOTHING).get(name)


def forward_libraries() -> None:
    """Let what libraries say with Python's `logging` become lines of this log: warnings; of the HTTP server, all."""
    import logging

    class Forward(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            least = max((n for n in _LEVELS.values() if n <= record.levelno), default=10)
            level = next(name for name, number in _LEVELS.items() if number == least)
            fields = {"exc_info": record.exc_info} if record.exc_info else {}
            getattr(log, level)("library.log", library=record.name, message=record.getMessage().strip(), **fields)

    logging.basicConfig(handlers=[Forward()], level=logging.WARNING, force=True)
    logging.getLogger("uvicorn").setLevel(logging.INFO)


class _Stderr:
    """Standard error as it is when a line is written, which whoever runs this in a process of theirs may change.

    A line that cannot be written, as on a full disk, is lost and nothing else: a line is most wanted where something
    has already gone wrong, and what deals with that must not fail over telling of it.
    """

    def write(self, text: str) -> int:
        with suppress(OSError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()


def _add_bound(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in _bound.get(_NOTHING).items():
        event.setdefault(name, value)
    return event


def _writer() -> Any:
    """What writes lines."""
    global _set_up, _written_by
    wanted = (_as_json, _least)
    if _set_up != wanted:
        _written_by = _set_up_structlog(as_json=_as_json, least=_least)
        _set_up = wanted
    return _written_by


def _set_up_structlog(*, as_json: bool, least: Level) -> Any:
    """What writes lines from now on. Tracebacks never show values, which may be secrets."""
    import structlog

    as_lines = structlog.processors.LogfmtRenderer(key_order=("timestamp", "level", "event"))
    render: Any = structlog.processors.JSONRenderer() if as_json else as_lines
    structlog.configure(
        processors=[
            _add_bound,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[least]),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Stderr())),
        cache_logger_on_first_use=True,
    )
    return structlog.get_logger().bind()  # bound once: to do so for each line takes as long as to write it
