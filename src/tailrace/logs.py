"""The log: one line per event on stderr, as ``key=value`` or as JSON.

Loading what writes it takes a tenth of a command's start, so that happens with the first line: most commands write
none.
"""

import sys
from functools import cache
from typing import Any, TextIO, cast


class Logger:
    """Lines of a level, each with its event and fields: ``info``, ``warning``, ``error``, ``exception``."""

    def __getattr__(self, level: str) -> Any:
        return getattr(_writer(as_json=_as_json), level)


log = Logger()
_as_json = False


def configure_logs(*, as_json: bool) -> None:
    """Write the log of this process as JSON, or as ``key=value``, from now on."""
    global _as_json
    _as_json = as_json


class _Stderr:
    """Standard error as it is when a line is written, which whoever runs this in a process of theirs may change."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


@cache
def _writer(*, as_json: bool) -> Any:
    """What writes lines. Tracebacks never show values, which may be secrets."""
    import structlog

    as_lines = structlog.processors.LogfmtRenderer(key_order=("timestamp", "level", "event"))
    render: Any = structlog.processors.JSONRenderer() if as_json else as_lines
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            render,
        ],
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Stderr())),
        cache_logger_on_first_use=True,
    )
    return structlog.get_logger()
