"""The entry point of the command line."""

import sys

import structlog

from tailrace.cli.app import app
from tailrace.cli.exits import run


def main() -> None:
    """Run a command and leave with its exit code."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(key_order=("timestamp", "level", "event")),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    sys.exit(run(app))
