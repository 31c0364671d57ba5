"""How rows are read is settled before there are threads: two first reads at the same moment end the process.

The decoder keeps what it knows of a class on the class, also while it is still finding out.
"""

import subprocess
import sys

KNOWN = """
import tailrace.wiring
from tailrace.model.export import ExportRequest, Part
from tailrace.model.segment import Statistics
print([kind.__name__ for kind in (ExportRequest, Part, Statistics) if "__msgspec_cache__" not in vars(kind)])
"""


def test_what_workers_read_is_known_at_once() -> None:
    """In a new process, which has read nothing: all that exporters and sealers read from rows."""
    done = subprocess.run([sys.executable, "-c", KNOWN], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
