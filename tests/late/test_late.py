"""Every surface shows each event once, however late it comes, whatever clock it goes by and wherever servers die."""

from pathlib import Path

import pytest

from tests.crash.backends import Stands
from tests.crash.worlds import World
from tests.late.readers import SURFACES
from tests.late.scenario import EACH, LATENESS, SILENCE, STEPS, WRONG, Scenario

pytestmark = [pytest.mark.late, pytest.mark.crash]

# Where a server, or what it has started, dies in each step, mostly once in taking and once in making. The soak chooses
# others.
DEATHS = (
    "accept.before_reply:2,slice.mid_part:1",
    "seal.sessions_closed:1,export.mid_assemble:1",
    "seal.segment_written:1,export.before_commit:1",
    "commit.before:1,commit.after:1",
    "export.claimed:1",
)


def test_each_event_is_seen_once_by_every_surface(tmp_path: Path, embedded: Stands) -> None:
    """In 60 days events come on time, an hour, 8 days and 40 days late, by right and wrong clocks, some twice; a server
    dies twice in each step. After each step every surface has shown all that was acknowledged, each event once.
    """
    with World(tmp_path / "world", embedded, silence=SILENCE) as world:
        scenario = Scenario(world)
        scenario.play(DEATHS)
    assert scenario.seen == dict.fromkeys(SURFACES, scenario.sent)
    assert len(scenario.sent) == len(STEPS) * len(WRONG) * len(LATENESS) * 3 * EACH
