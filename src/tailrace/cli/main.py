"""The entry point of the command line."""

import gc
import os
import sys

# Read when Arrow is loaded. The C library's allocator gives back what Arrow's own keeps, which is a quarter of the
# memory of an export; `compute.memory` tunes it for the processes that run slices.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")

from tailrace.cli.app import app_for
from tailrace.cli.exits import run

_GARBAGE = 20_000  # objects that are made and kept before the youngest are looked at


def main() -> None:
    """Run a command and leave with its exit code.

    What is loaded stays: to look for garbage among it would be a tenth of the start, and later a pause each time. What
    is made for a batch of events has no cycles but is many objects: to look after each 700 is a seventh of reading it.
    """
    gc.disable()
    app = app_for(sys.argv[1:], os.environ)
    gc.freeze()
    gc.set_threshold(_GARBAGE)
    gc.enable()
    sys.exit(run(app))
