"""Pools of this machine: order, failures, and processes that die."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from tailrace.compute.local import Method, Pool, local_pool, run_all

WAYS: list[tuple[Pool, Method]] = [("threads", "fork"), ("processes", "forkserver")]


def slow_first(number: int) -> int:
    """The first takes longest, so that results would come in another order if they could."""
    time.sleep(0.2 if number == 0 else 0)
    return number * number


def refuse_two(number: int) -> int:
    """Fails for one of them."""
    if number == 2:
        raise ValueError("two")
    return number


def die(number: int) -> int:
    """Ends the process that runs it as the kernel would when memory is out."""
    if number < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.parametrize(("pool", "method"), WAYS)
def test_results_come_in_the_order_of_the_specs(pool: Pool, method: Method) -> None:
    """Whichever is ready first."""
    with local_pool(pool, 2, method, [__name__]) as executor:
        assert list(run_all(executor, slow_first, range(6))) == [0, 1, 4, 9, 16, 25]


@pytest.mark.parametrize(("pool", "method"), WAYS)
def test_the_first_failure_is_raised(pool: Pool, method: Method) -> None:
    """Results before it come; the error is the one that the work raised."""
    found: list[int] = []
    with local_pool(pool, 2, method) as executor, pytest.raises(ValueError, match="two"):
        found.extend(run_all(executor, refuse_two, range(50)))
    assert found == [] or found == [0, 1]


@pytest.mark.parametrize(("pool", "method"), WAYS)
def test_nothing_runs_any_more_when_it_ends(pool: Pool, method: Method, tmp_path: Path) -> None:
    """Work that runs while another failed is waited for: what it writes can be deleted afterwards."""
    specs = [tmp_path / name for name in ("fails", "slow", "never")]
    with local_pool(pool, 2, method) as executor:
        with pytest.raises(FileNotFoundError, match="fails"):
            list(run_all(executor, write_slowly, specs))
        there = sorted(path.name for path in tmp_path.iterdir())
        time.sleep(0.5)
        assert sorted(path.name for path in tmp_path.iterdir()) == there
    assert "slow" in there


def write_slowly(path: Path) -> None:
    """Write a file after a while; one of them cannot be."""
    if path.name == "fails":
        time.sleep(0.1)
        raise FileNotFoundError("fails")
    time.sleep(0.3)
    path.write_text("done")


def test_a_pool_goes_on_after_a_process_was_killed() -> None:
    """What ran then fails, and the next work runs in new processes."""
    with local_pool("processes", 2, "forkserver") as executor:
        with pytest.raises(BrokenProcessPool):
            list(run_all(executor, die, [1, -1, 2]))
        assert list(run_all(executor, die, [1, 2, 3])) == [1, 2, 3]


@pytest.mark.parametrize("method", ["fork", "forkserver"])
def test_processes_end_with_the_one_that_started_them(method: Method) -> None:
    """A server that was killed leaves no slice process behind that would write on."""
    script = textwrap.dedent(
        f"""
        import os, time
        from tailrace.compute.local import local_pool
        if __name__ == "__main__":
            executor = local_pool("processes", 2, {method!r})
            print(*{{executor.submit(os.getpid).result() for _ in range(2)}}, flush=True)
            futures = [executor.submit(time.sleep, 600) for _ in range(2)]
            time.sleep(600)
        """
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        children = [int(pid) for pid in parent.stdout.readline().split()]
        parent.kill()
        parent.wait()
    assert children
    deadline = time.monotonic() + 20
    while any(is_running(child) for child in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(is_running(child) for child in children)


def is_running(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123 - the kernel's file
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
