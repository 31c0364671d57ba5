"""The cache of parts: what it may answer, how much it keeps, and that it can be lost."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from tailrace.compute.running import run_all
from tailrace.config import ExportSettings
from tailrace.exports import making
from tailrace.exports.cache import PartCache
from tailrace.exports.slices import SliceSpec
from tailrace.exports.submit import submit
from tailrace.model.access import Scope
from tailrace.model.clock import DAY
from tailrace.model.export import ExportRequest
from tailrace.wiring import CACHE_DIRECTORY, House
from tests.sending import T0, event, export, principal, request, seal, send, work

Ask = Callable[[ExportRequest], tuple[str, int]]


@pytest.fixture
def backend() -> str:
    """The cache lies beside either database."""
    return "sqlite"


@pytest.fixture
def asked(house: House, scope: Scope, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Runs an export: the hash of its file, and how many slices had to be made."""
    house.settings.exports = ExportSettings(pool="threads", cache_bytes=1 << 20)
    for number in range(3):
        send(house, scope, [event("play", T0 + number * DAY + n, params={"n": n}) for n in range(5)])
        seal(house, scope)
    made: list[SliceSpec] = []
    run = run_all

    def counted(pool: object, work: object, specs: list[SliceSpec], *bounds: int | None) -> object:
        made.extend(specs)
        return run(pool, work, specs, *bounds)  # type: ignore[arg-type]

    monkeypatch.setattr(making, "run_all", counted)

    def ask(wanted: ExportRequest) -> tuple[str, int]:
        before = len(made)
        manifest, _ = export(house, scope, wanted)
        return manifest["files"][0]["sha256"], len(made) - before

    return ask


def test_a_repeat_makes_no_slice(asked: Ask, scope: Scope) -> None:
    """The same bytes come out again, and a wider window makes only what is new."""
    first = request(scope, "event_time", T0, T0 + DAY)
    digest, made = asked(first)
    assert made == 1
    assert asked(first) == (digest, 0)
    assert asked(request(scope, "event_time", T0, T0 + 3 * DAY))[1] == 2
    assert asked(request(scope))[1] == 0  # everything, on another axis


def test_whatever_decides_the_bytes_is_asked_for_anew(asked: Ask, scope: Scope) -> None:
    """Format, packing, columns, split and options each make their own parts."""
    whole = request(scope, "event_time", T0, T0 + DAY)
    asked(whole)
    for other in (
        replace(whole, format="csv"),
        replace(whole, format="csv", csv_safe=True),
        replace(whole, json_array=True),
        replace(whole, packing="none"),
        replace(whole, shape="sessions", split="size"),
        replace(whole, columns=("id",)),
        replace(whole, split="hour"),
    ):
        assert asked(other)[1] == 1
        assert asked(other)[1] == 0


def test_filters_and_parts_of_a_slice_are_not_kept(asked: Ask, scope: Scope) -> None:
    """What leaves rows out neither takes from the cache nor adds to it."""
    asked(request(scope, "event_time", T0, T0 + DAY))
    for narrow in (
        request(scope, "event_time", T0, T0 + DAY, events=["play"]),
        request(scope, "event_time", T0 + 1, T0 + DAY),
    ):
        assert asked(narrow)[1] == 1
        assert asked(narrow)[1] == 1


def test_a_damaged_part_costs_one_attempt(asked: Ask, house: House, scope: Scope) -> None:
    """After a power cut a part may be torn: the export still succeeds, with the right bytes, and the part is gone."""
    wanted = request(scope, "event_time", T0, T0 + DAY)
    digest, _ = asked(wanted)
    (part,) = (house.data / CACHE_DIRECTORY).rglob("*.part")
    part.write_bytes(bytes(len(part.read_bytes())))
    submitted = submit(house.submitter(), principal(house, scope), scope, wanted)
    assert work(house, scope, submitted.id).state == "running"
    assert not list((house.data / CACHE_DIRECTORY).rglob("*.part"))
    assert work(house, scope, submitted.id).state == "succeeded"
    assert asked(wanted) == (digest, 0)


def test_the_cache_is_bounded(tmp_path: Path) -> None:
    """The parts that were not used for longest go first; 0 keeps none."""
    for limit, kept in ((0, set[str]()), (25, {"b", "c"}), (100, {"a", "b", "c"})):
        cache = PartCache(tmp_path / str(limit), limit, lambda key: tmp_path / key)
        for age, name in enumerate("abc"):
            path = cache.root / "app" / f"{name}.part"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x" * 10)
            path.with_suffix(".json").write_bytes(b"{}")
            os.utime(path, (age, age))
        cache.shrink()
        assert {path.stem for path in cache.root.rglob("*.part")} == kept
        assert {path.stem for path in cache.root.rglob("*.json")} == kept


def test_a_process_that_dies_while_it_keeps_a_part_leaves_what_is_found(
    tmp_path: Path, asked: Ask, house: House, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its two files there is a part without an index: it is not used, the next one mends it, and it counts."""
    wanted = request(scope, "event_time", T0, T0 + DAY)

    def dies(*_: object) -> None:
        raise OSError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", dies)
        digest, _ = asked(wanted)
    cache = house.data / CACHE_DIRECTORY
    assert [path.suffix for path in cache.rglob("*") if path.is_file()] == [".part"]
    PartCache(cache, 0, lambda key: tmp_path / key).shrink()
    assert not [path for path in cache.rglob("*") if path.is_file()]
    assert [asked(wanted)[1] for _ in range(2)] == [1, 0]
    assert asked(wanted) == (digest, 0)


def test_without_a_cache_nothing_is_written(asked: Ask, house: House, scope: Scope) -> None:
    """The setting 0 makes every repeat work again."""
    house.settings.exports = ExportSettings(pool="threads", cache_bytes=0)
    wanted = request(scope, "event_time", T0, T0 + DAY)
    assert asked(wanted)[1] == asked(wanted)[1] == 1
    assert not (house.data / CACHE_DIRECTORY).exists()
