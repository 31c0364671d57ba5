"""Pools of this machine: order, turns, failures, and processes that die."""

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tailrace.compute.local import Kind, local_pool
from tailrace.compute.process import Method
from tailrace.compute.processes import Poisoned
from tailrace.compute.running import run_all

WAYS: list[tuple[Kind, Method]] = [("threads", "fork"), ("processes", "forkserver")]


class Unportable(Exception):
    """An error that cannot be made again from what it says."""

    def __init__(self, *, number: int) -> None:
        super().__init__(f"number {number}")


def slow_first(number: int) -> int:
    """The first takes longest, so that results would come in another order if they could."""
    time.sleep(0.2 if number == 0 else 0)
    return number * number


def refuse_two(number: int) -> int:
    """Fails for one of them."""
    if number == 2:
        raise ValueError("two")
    return number


def refuse_oddly(number: int) -> int:
    """Fails with an error that cannot travel."""
    raise Unportable(number=number)


def die(number: int) -> int:
    """Ends the process that runs it as the kernel would when memory is out."""
    if number < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def die_at_first(path: Path) -> str:
    """Leaves a mark for each time that it runs, and dies the first two times."""
    with path.open("a") as file:
        file.write(f"{os.getpid()}\n")
    if len(path.read_text().splitlines()) <= 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return path.read_text()


@pytest.mark.parametrize("ahead", [None, 1, 3, 10])
@pytest.mark.parametrize(("kind", "method"), WAYS)
def test_results_come_in_the_order_of_the_specs(kind: Kind, method: Method, ahead: int | None) -> None:
    """Whichever is ready first, and however many are begun."""
    with local_pool(kind, 2, method, [__name__]) as pool:
        assert list(run_all(pool, slow_first, range(6), ahead)) == [0, 1, 4, 9, 16, 25]
        assert list(run_all(pool, slow_first, [], ahead)) == []


def test_no_more_than_asked_are_begun_and_not_done_with() -> None:
    """A result is done with when the next one is asked for: until then its place is not given to another."""
    begun: list[int] = []

    def begin(number: int) -> int:
        begun.append(number)
        return number

    with local_pool("threads", 4, "fork") as pool:
        for number in run_all(pool, begin, range(20), most=3):
            assert set(begun) <= set(range(number + 3))
    assert sorted(begun) == list(range(20))


@pytest.mark.parametrize(("kind", "method"), WAYS)
def test_the_first_failure_is_raised(kind: Kind, method: Method) -> None:
    """Results before it come; the error is the one that the work raised, and the pool goes on."""
    found: list[int] = []
    with local_pool(kind, 2, method) as pool:
        with pytest.raises(ValueError, match="two"):
            found.extend(run_all(pool, refuse_two, range(50)))
        assert found == [0, 1]
        assert list(run_all(pool, refuse_two, [7, 8])) == [7, 8]


def test_a_failure_in_a_process_says_where_it_was() -> None:
    """Its trace comes along as a note; an error that cannot travel is told by another."""
    with local_pool("processes", 1, "forkserver") as pool:
        with pytest.raises(ValueError, match="two") as raised:
            pool.submit(refuse_two, 2).result()
        assert "in refuse_two" in "".join(raised.value.__notes__)
        with pytest.raises(RuntimeError, match="Unportable: number 5"):
            pool.submit(refuse_oddly, 5).result()


@pytest.mark.parametrize(("kind", "method"), WAYS)
def test_nothing_runs_any_more_when_it_ends(kind: Kind, method: Method, tmp_path: Path) -> None:
    """Work that runs while another failed is waited for: what it writes can be deleted afterwards."""
    specs = [tmp_path / name for name in ("fails", "slow", "never")]
    with local_pool(kind, 2, method) as pool:
        with pytest.raises(FileNotFoundError, match="fails"):
            list(run_all(pool, write_slowly, specs))
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


class Counted:
    """A pool that does nothing by itself: a test lets work end, and sees what was handed over."""

    workers = 2

    def __init__(self) -> None:
        self.handed: list[int] = []
        self.futures: list[Future[int]] = []

    def submit(self, _work: object, spec: int) -> "Future[int]":
        self.handed.append(spec)
        self.futures.append(Future())
        return self.futures[-1]

    def let(self, number: int) -> None:
        """Let a piece of work end with its own number."""
        self.futures[number].set_result(number)


def test_no_more_than_so_many_are_handed_over() -> None:
    """Three at a time: each that ends makes room for one, whichever it is, and none comes earlier."""
    pool = Counted()
    results = run_all(pool, die, range(6), 3)  # type: ignore[arg-type] # as much of a pool as is needed
    pool_thread = ThreadPoolExecutor(1)
    first = pool_thread.submit(next, results)
    wait_until(lambda: pool.handed == [0, 1, 2])
    pool.let(1)
    wait_until(lambda: pool.handed == [0, 1, 2, 3])
    pool.let(0)
    assert first.result() == 0
    assert pool.handed == [0, 1, 2, 3, 4]
    for number in (2, 3, 4):
        pool.let(number)
    assert [next(results), next(results)] == [1, 2]
    assert pool.handed == list(range(6))
    pool.let(5)
    assert list(results) == [3, 4, 5]
    pool_thread.shutdown()


def wait_until(true: Callable[[], bool]) -> None:
    """Wait for another thread."""
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_work_that_met_a_death_is_done_all_the_same(tmp_path: Path) -> None:
    """Twice its process dies, in company and alone; the third time it succeeds. Others lose nothing."""
    with local_pool("processes", 2, "forkserver") as pool:
        unlucky = pool.submit(die_at_first, tmp_path / "marks")
        assert list(run_all(pool, slow_first, range(8))) == [n * n for n in range(8)]
        pids = unlucky.result().split()
    assert len(pids) == len(set(pids)) == 3


def test_work_that_kills_every_process_is_given_up() -> None:
    """After one death in company and as many alone as are tried it is named; what ran beside it is done."""
    with local_pool("processes", 2, "forkserver", deaths=2) as pool:
        beside = [pool.submit(slow_first, number) for number in range(4)]
        with pytest.raises(Poisoned) as raised:
            list(run_all(pool, die, [1, -1, 2]))
        assert (raised.value.spec, raised.value.deaths) == (-1, 2)
        assert [future.result() for future in beside] == [0, 1, 4, 9]
        assert list(run_all(pool, die, [1, 2, 3])) == [1, 2, 3]


def test_two_that_share_a_pool_do_not_share_poison() -> None:
    """One caller's work dies for ever while another's goes on: that one sees no error, however they meet."""
    with local_pool("processes", 2, "forkserver", deaths=1) as pool, ThreadPoolExecutor(2) as callers:
        good = callers.submit(lambda: list(run_all(pool, die, range(200), 3)))
        bad = callers.submit(lambda: list(run_all(pool, die, [1, -1], 3)))
        assert good.result() == list(range(200))
        assert isinstance(bad.exception(), Poisoned)


def together(folder: Path, name: str) -> list[str]:
    """Who runs beside this."""
    mine = folder / name
    mine.touch()
    seen = sorted(path.name for path in folder.iterdir())
    time.sleep(0.01)
    mine.unlink()
    return seen


def die_first(paths: tuple[Path, str]) -> list[str]:
    """Dies once, then looks who is there."""
    folder, name = paths
    mark = folder.parent / f"{name} has died"
    if name.startswith("dies") and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return together(folder, name)


def test_who_met_a_death_runs_alone(tmp_path: Path) -> None:
    """Nothing runs beside work that is tried again, so that its next death is its own."""
    folder = tmp_path / "there"
    folder.mkdir()
    specs = [(folder, f"dies {n}" if n % 5 == 0 else f"{n}") for n in range(40)]
    with local_pool("processes", 3, "forkserver") as pool:
        seen = list(run_all(pool, die_first, specs))
    assert [one for one, (_, name) in zip(seen, specs, strict=True) if name.startswith("dies")] == [
        [f"dies {n}"] for n in range(0, 40, 5)
    ]


def test_a_warm_pool_has_its_processes() -> None:
    """They are there before the first work comes, and do it."""
    with local_pool("processes", 2, "forkserver") as pool:
        pool.warm()
        there = {child.pid for child in multiprocessing.active_children()}
        assert {pool.submit(pid, None).result() for _ in range(4)} <= there


def pid(_: None) -> int:
    """Who runs it."""
    return os.getpid()


@pytest.mark.parametrize("method", ["fork", "forkserver"])
def test_processes_end_with_the_one_that_started_them(method: Method) -> None:
    """A server that was killed leaves no slice process behind that would write on."""
    script = textwrap.dedent(
        f"""
        import multiprocessing, os, time
        from tailrace.compute.local import local_pool
        if __name__ == "__main__":
            pool = local_pool("processes", 2, {method!r})
            pool.submit(os.getpgid, 0).result()
            print(*[child.pid for child in multiprocessing.active_children()], flush=True)
            futures = [pool.submit(time.sleep, 600) for _ in range(2)]
            time.sleep(600)
        """
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        begun = [int(child) for child in parent.stdout.readline().split()]
        parent.kill()
        parent.wait()
    assert len(begun) == 2
    deadline = time.monotonic() + 20
    while any(is_running(child) for child in begun) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(is_running(child) for child in begun)


def is_running(process: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        with open(f"/proc/{process}/stat") as file:  # noqa: PTH123 - the kernel's file
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
