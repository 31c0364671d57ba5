"""The scenario of late events as a random story: servers die at any of the points."""

import random

from tailrace.model.points import POINTS
from tests.crash.worlds import World
from tests.late.scenario import SILENCE, STEPS, Scenario

# Points that not every step passes.
RARE = (
    *("export.before_record", "sweep.between_deletes", "bundles.before_commit"),
    *("delivery.file_copied", "delivery.before_end"),
)


class Tale:
    """What a seed says."""

    kind = "late"
    cache = False
    silence = SILENCE

    def __init__(self, seed: str, _backend: str) -> None:
        common = [point for point in POINTS if point not in RARE]
        self.deaths = random.Random(seed).sample(common, len(STEPS))  # noqa: S311

    def __str__(self) -> str:
        return f"late kill={','.join(self.deaths)}"

    def tell(self, world: World) -> None:
        """Let it happen, and check."""
        Scenario(world).play(self.deaths)
