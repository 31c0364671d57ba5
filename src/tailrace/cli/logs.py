"""The log: one line per event on stderr, as ``key=value`` or as JSON."""

import sys
from typing import Any, TextIO, cast

import structlog


class _Stderr:
    """Standard error as it is when a line is written, which whoever runs this in a process of theirs may change."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def configure_logs(*, as_json: bool) -> None:
    """Write the log of this process from now on. Tracebacks never show values, which may be secrets."""
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
    )
