"""The rule that says which objects may go: no row names them, and nobody can make a row that does.

It trusts fences, which only rise, never an age or a listing; docs/decisions/0021 has the argument. Only strays, which
no lease of this database ever covered, go by their age.
"""

from typing import Literal

from msgspec import Struct

from tailrace.files.base import Listed
from tailrace.model.clock import DAY
from tailrace.model.objects import Writer

# Why an object stays, or that it goes.
Reason = Literal["referenced", "unknown", "open", "young", "garbage"]

STRAY_MS = DAY  # the command line exports without a job, so its parts look like strays while it runs


class Standing(Struct, frozen=True):
    """How far a lease has come: what was written under a fence below `open_from` can never be committed.

    None: nothing can be any more, whatever its fence.
    """

    open_from: int | None

    def open_for(self, fence: int) -> bool:
        """Whether a writer with a fence may still commit."""
        return self.open_from is not None and fence >= self.open_from


def judge(
    found: Listed, writer: Writer | None, standing: Standing | None, *, referenced: bool, now: int, grace_ms: int
) -> Reason:
    """What becomes of an object that a listing has shown.

    `standing` is None when the database knows nothing of the writer's lease. `now` is the server's clock; together
    with the grace it only spares those who still read.
    """
    if referenced:
        return "referenced"
    if writer is None or (standing is None and writer.lessee == "shard"):
        return "unknown"
    if standing is not None and standing.open_for(writer.fence):
        return "open"
    spared_ms = max(grace_ms, STRAY_MS) if standing is None else grace_ms
    return "garbage" if found.modified_ms + spared_ms <= now else "young"
