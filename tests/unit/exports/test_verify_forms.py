"""Verify proves what the engine really writes: every shape, format, packing and split, and chains of several."""

import shutil
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tailrace.accounts.lookup import scope_of_app
from tailrace.cli.verify_view import as_json, as_lines
from tailrace.exports.verify import streams
from tailrace.exports.verify.verifying import verify
from tailrace.model.access import Scope
from tailrace.model.clock import DAY
from tailrace.model.window import Axis
from tailrace.wiring import House
from tests.sending import T0
from tests.templates import TemplateOf
from tests.unit.exports.downloads import FORMS, PACKINGS, SPLITS, Download, asked, codes, download, new_house, wave

EVERYTHING: tuple[Axis, None, None] = ("available", None, None)
PLAIN: dict[str, Any] = {"columns": ("id", "event", "time", "params")}


class Waved:
    """A store with some waves of odd events, which nobody adds to."""

    def __init__(self, house: House, waves: int) -> None:
        self._house = house
        self._scope = scope_of_app(house.database, "app_waves")
        for step in range(waves):
            wave(house, self._scope, step)

    def download(
        self, form: Mapping[str, Any], folder: Path, window: tuple[Axis, int | None, int | None] = EVERYTHING
    ) -> Download:
        """An export in some form: keys of a request."""
        return download(self._house, self._scope, asked(self._scope, form, *window), folder)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory, template_of: TemplateOf) -> Iterator[Waved]:
    """After one wave."""
    with new_house(template_of, tmp_path_factory.mktemp("waved")) as house:
        yield Waved(house, 1)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory, template_of: TemplateOf) -> Iterator[Waved]:
    """After two, whose sessions are the same."""
    with new_house(template_of, tmp_path_factory.mktemp("waved")) as house:
        yield Waved(house, 2)


def forms(shape: str, format_: str) -> list[dict[str, Any]]:
    """Each packing and each split of a shape and format at least once."""
    splits, packings = SPLITS[shape], PACKINGS[format_]
    count = max(len(splits), len(packings))
    return [
        {"shape": shape, "format": format_, "split": splits[n % len(splits)], "packing": packings[n % len(packings)]}
        for n in range(count)
    ]


@pytest.mark.parametrize(("shape", "format_"), FORMS)
def test_every_form_is_proven(two: Waved, tmp_path: Path, shape: str, format_: str) -> None:
    """Odd texts in every place, fragments of one session in two commits: all rows and ids, and nothing is wrong."""
    for number, form in enumerate(forms(shape, format_)):
        made = two.download(form, tmp_path / f"{number}")
        report = verify([made.folder])
        assert (report.findings, report.exports[0].rows) == ((), made.manifest["rows"]), form
        assert [(c.events, c.ids, c.complete) for c in report.chains] == [(66, 66, True)], form
        assert {n.unproven.split(":")[0] for n in report.notes} == unproven(shape, format_)


def unproven(shape: str, format_: str) -> set[str]:
    """What a form does not let anyone prove: the digest is of JSON texts, which typed columns do not keep."""
    return {"content_sha256 is unproven"} if (shape, format_) == ("tables", "parquet") else set()


@pytest.mark.parametrize("option", ["json_array", "csv_safe"])
@pytest.mark.parametrize("shape", list(SPLITS))
def test_options_are_proven(one: Waved, tmp_path: Path, shape: str, option: str) -> None:
    """One array instead of lines, and cells that are guarded against spreadsheets."""
    form: dict[str, Any] = {"shape": shape, "format": option.split("_")[0], option: True, "split": SPLITS[shape][0]}
    for packing in ("none", "zip"):
        made = one.download({"packing": packing, **form}, tmp_path / packing)
        assert (codes(verify([made.folder])), made.manifest["rows"]) == ([], 33), packing


@pytest.mark.parametrize("axis", ["event_time", "session_start"])
@pytest.mark.parametrize(("shape", "format_"), FORMS)
def test_windows_are_proven(two: Waved, tmp_path: Path, shape: str, format_: str, axis: Axis) -> None:
    """Windows on other axes, in which late fragments are merged into their sessions, have no totals to agree with."""
    form = {"shape": shape, "format": format_, "split": SPLITS[shape][-1], "packing": PACKINGS[format_][-1]}
    made = two.download(form, tmp_path / "window", (axis, T0, T0 + 2 * DAY))
    assert (codes(verify([made.folder])), made.manifest["rows"] > 9) == ([], True)


def test_columns_decide_what_can_be_proven(one: Waved, tmp_path: Path) -> None:
    """Sessions without their events, and rows without ids or times, pass; the report tells what was not compared."""
    for number, (shape, format_) in enumerate(FORMS):
        columns = ("session_id", "country") if shape == "sessions" else ("event", "app_version")
        form = {"shape": shape, "format": format_, "split": SPLITS[shape][0], "packing": "none", "columns": columns}
        made = one.download(form, tmp_path / f"{number}")
        report = verify([made.folder])
        assert (codes(report), report.chains[0].ids) == ([], 0), form
        assert "no ids compared" in " ".join(as_lines(report)) or "0 ids compared" in " ".join(as_lines(report))


def chain(house: House, scope: Scope, root: Path, steps: list[dict[str, Any]]) -> list[Download]:
    """A chain whose steps have forms of their own."""
    made: list[Download] = []
    for number, form in enumerate(steps):
        wave(house, scope, number)
        after = made[-1].manifest["cursor"] if made else None
        made.append(download(house, scope, asked(scope, {"after": after, **form}), root / f"{number}"))
    return made


STEPS: list[dict[str, Any]] = [
    {"format": "json", "packing": "zstd", "json_array": True},
    {"format": "csv", "packing": "zip", "split": "day", "csv_safe": True},
    {"format": "parquet", "packing": "none", "columns": ("time", "id")},
    {"format": "xml", "packing": "gzip", "split": "event"},
]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_chain_may_change_its_form(house: House, scope: Scope, tmp_path: Path) -> None:
    """Four steps in four formats and packings are one complete chain; without the second it has a gap."""
    made = chain(house, scope, tmp_path, STEPS)
    report = verify([tmp_path])
    assert (codes(report), len(report.chains), report.chains[0].ids) == ([], 1, 132)
    shutil.rmtree(made[1].folder)
    assert codes(verify([tmp_path])) == ["chain.gap"]


@pytest.mark.parametrize("shape", ["events", "tables", "sessions"])
def test_ids_are_compared_across_formats(one: Waved, tmp_path: Path, shape: str) -> None:
    """The same events in two formats, with manifests that make two steps of them: every id is found to come twice."""
    split = SPLITS[shape][0]
    for number, form in enumerate(STEPS):
        kept = {key: value for key, value in form.items() if key not in ("split", "columns")}
        made = one.download({"shape": shape, "split": split, **kept}, tmp_path / f"{number}")
        _follow(made, number)
    report = verify([tmp_path])
    (finding,) = report.findings
    assert (finding.code, finding.found.split(":")[0]) == ("ids", "33 ids more than once")
    assert finding.found.count(" and ") == 3 * 5  # each of those that are named comes in all four
    assert report.chains[0].events == 4 * 33


def _follow(made: Download, number: int) -> None:
    """Make an export of everything the next step of a chain."""
    before, after = made.manifest["totals_before"], made.manifest["totals_after"]
    for totals, times in ((before, number), (after, number + 1)):
        totals |= {"events": 33 * times, "fragments": 33 * times}
    made.manifest |= {"cursor": f"c{number + 1}", "previous_cursor": f"c{number}" if number else None}
    made.save()


def test_a_missing_schema_is_a_note(one: Waved, tmp_path: Path) -> None:
    """Without its schema an export is no less whole; the report says what is not proven of it."""
    for format_ in ("csv", "parquet"):
        form: dict[str, Any] = {"format": format_, "packing": "none", **PLAIN}
        made = one.download(form, tmp_path / format_)
        (made.folder / made.manifest["schema"]["name"]).unlink()
        report = verify([made.folder])
        assert (report.ok, len(report.notes)) == (True, 2 if format_ == "parquet" else 1)
        assert report.notes[0].where.endswith(".schema.json")
        assert "note: " in "\n".join(as_lines(report))
        assert as_json(report)["notes"][0]["unproven"].startswith("the schema is not there")


@pytest.mark.parametrize("damage", [b"", b"{}", b"[" * 5000, b"\xff"])
def test_another_schema_is_found(one: Waved, tmp_path: Path, damage: bytes) -> None:
    """A schema that is not the manifest's is found by size and hash, and one that is none by its content."""
    made = one.download(PLAIN, tmp_path / "e")
    path = made.folder / made.manifest["schema"]["name"]
    path.write_bytes(damage)
    assert codes(verify([made.folder])) == ["schema.bytes", "schema.sha256"]
    made.manifest["schema"] |= {"bytes": len(damage), "sha256": sha256(damage).hexdigest()}
    made.save()
    assert codes(verify([made.folder])) == ["schema"]
    made.manifest["schema"]["name"] = "../x"
    made.save()
    assert codes(verify([made.folder])) == ["schema"]


@pytest.mark.parametrize("format_", ["csv", "parquet"])
def test_other_columns_than_the_schemas_are_found(one: Waved, tmp_path: Path, format_: str) -> None:
    """A header or a table with other names than its schema, though that is whole, is found."""
    form = {"format": format_, "packing": "none"}
    made = one.download(PLAIN | form, tmp_path / "1")
    other = one.download({"columns": ("id", "time")} | form, tmp_path / "2")
    made.manifest["schema"] = other.manifest["schema"]
    shutil.copy(other.folder / other.manifest["schema"]["name"], made.folder)
    made.save()
    assert codes(verify([made.folder])) == [f"file.{format_}"]


@pytest.mark.parametrize("size", [1, 7, 100])
def test_borders_of_chunks_do_not_matter(
    one: Waved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Whatever the size of chunks, each format and packing reads the same: quotes, tags and line ends over borders."""
    for number, (format_, packing) in enumerate((f, p) for f in PACKINGS for p in PACKINGS[f]):
        form = {"format": format_, "packing": packing, "json_array": format_ == "json", **PLAIN}
        one.download(form, tmp_path / f"{number}")
    whole = [verify([folder]) for folder in sorted(tmp_path.glob("[0-9]*"))]
    monkeypatch.setattr(streams, "CHUNK", size)
    assert [verify([folder]) for folder in sorted(tmp_path.glob("[0-9]*"))] == whole
    assert (len(whole), [codes(report) for report in whole]) == (14, [[]] * 14)
