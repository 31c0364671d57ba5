"""The entry point of the command line."""

import sys

from tailrace.cli.app import app
from tailrace.cli.exits import run
from tailrace.cli.logs import configure_logs


def main() -> None:
    """Run a command and leave with its exit code."""
    configure_logs(as_json=False)
    sys.exit(run(app))
