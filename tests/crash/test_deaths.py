"""A process that dies though nobody killed it fails the story that it was part of, and says how it died."""

import signal
import subprocess
from pathlib import Path

import pytest

from tailrace.cli.codes import TRY_AGAIN
from tests.crash.backends import Stands
from tests.crash.daemons import Daemon
from tests.crash.worlds import World


class Sleeper(Daemon):
    """A server that does nothing, and whose log ends with a word."""

    def __init__(self, folder: Path) -> None:
        super().__init__("server", folder, 0, folder / "server-0.log", {})
        self._command = ["sh", "-c", "echo the last words; exec sleep 600"]
        self.start({})

    def wait(self) -> int:
        """Its exit code."""
        return self.process.wait(30)


@pytest.fixture
def sleeper(tmp_path: Path) -> Sleeper:
    """It runs until a test ends it, as each does."""
    return Sleeper(tmp_path)


def ends(sleeper: Sleeper, number: signal.Signals) -> int:
    """It dies of a signal when it has said something."""
    while b"words" not in sleeper.log.read_bytes():
        assert sleeper.process.poll() is None
    subprocess.run(["kill", f"-{number.value}", str(sleeper.process.pid)], check=True)
    return sleeper.wait()


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGTERM])
def test_a_death_that_nobody_wanted(sleeper: Sleeper, number: signal.Signals) -> None:
    """Its exit code and the end of its log are told, also where it ended as if it had been told to."""
    code = ends(sleeper, number)
    with pytest.raises(AssertionError, match=f"(?s)died by itself with exit code -{number.value}:.*the last words"):
        sleeper.check_death(code)


def test_deaths_that_somebody_wanted(sleeper: Sleeper) -> None:
    """Of SIGKILL, by which stories kill; of SIGTERM that the story sent; and for want of what is away."""
    sleeper.check_death(TRY_AGAIN)
    with pytest.raises(AssertionError, match="exit code 0"):
        sleeper.check_death(0)
    sleeper.signal(signal.SIGTERM)
    sleeper.check_death(sleeper.wait())
    sleeper.check_death(0)
    sleeper.start_again()
    with pytest.raises(AssertionError, match="exit code 0"):
        sleeper.check_death(0)
    sleeper.check_death(ends(sleeper, signal.SIGKILL))


def test_a_world_looks_at_its_dead(tmp_path: Path, embedded: Stands) -> None:
    """Whoever waits for something finds out; slice processes may be killed or end with their parent, but not crash."""
    with World(tmp_path / "world", embedded) as world:
        sleeper = Sleeper(world.folder)
        world.daemons.append(sleeper)
        ends(sleeper, signal.SIGSEGV)
        with pytest.raises(AssertionError, match="exit code -11"):
            world.until("it is noticed", lambda: True)
        for code in (-9, 255):
            note_death(sleeper, code)
        world.check_slices()
        note_death(sleeper, -11)
        with pytest.raises(AssertionError, match="slice process"):
            world.check_slices()


def note_death(sleeper: Sleeper, code: int) -> None:
    """What a worker writes when a slice process has died; `tests/unit/compute` has one die."""
    with sleeper.log.open("a") as log:
        log.write(f"timestamp=2026-01-01T00:00:00Z level=warning event=slices.process_died code={code}\n")
