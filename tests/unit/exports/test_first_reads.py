"""How rows are read is settled before there are threads: two first reads at the same moment end the process.

The decoder keeps what it knows of a class on the class, also while it is still finding out.
"""

import subprocess
import sys

KNOWN = """
import msgspec
import tailrace.wiring
from msgspec import _utils
from tailrace.model.export import ExportRequest, Part
from tailrace.model.segment import Statistics

class New(msgspec.Struct):
    number: int

looked_at, look = [], _utils._get_class_mro_and_typevar_mappings

def seen(kind):
    looked_at.append(kind.__name__)
    return look(kind)

_utils._get_class_mro_and_typevar_mappings = seen
for kind in (ExportRequest, Part, Statistics, New):
    msgspec.json.Decoder(kind)
print(looked_at)
"""


def test_what_workers_read_is_known_at_once() -> None:
    """In a new process, which has read nothing: all that exporters and sealers read from rows, but not a new class."""
    done = subprocess.run([sys.executable, "-c", KNOWN], capture_output=True, text=True, check=True)
    assert done.stdout == "['New']\n"
