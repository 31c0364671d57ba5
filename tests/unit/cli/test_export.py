"""`tailrace export`: files, manifest and schema in a directory, without a server."""

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from tailrace.cli import exits
from tailrace.cli.app import make_app
from tailrace.compute.running import run_all
from tailrace.exports import making, plan
from tests.conftest import PROVISIONING
from tests.effort import again
from tests.reading import read_csv
from tests.sending import T0, event
from tests.servers import run

Call = Callable[..., tuple[int, str, str]]
WINDOW = ("--from", "2026-01-01T00:00:00Z", "--to", "2026-02-01T00:00:00Z")
EVERYTHING = ("--axis", "available")


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs a command without a process of its own: code, stdout and stderr."""
    monkeypatch.setenv("TAILRACE_EXPORTS__POOL", "threads")

    def called(*arguments: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        code = command(monkeypatch, arguments)
        return (code, *capsys.readouterr())

    return called


def command(monkeypatch: pytest.MonkeyPatch, arguments: Sequence[str | Path]) -> int:
    """Run a command in this process; its code."""
    monkeypatch.setattr(sys, "argv", ["tailrace", *map(str, arguments)])
    return exits.run(make_app())


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a store with twenty events of two names in four sessions, to be copied."""
    folder = tmp_path_factory.mktemp("filled")
    (folder / "wanted.toml").write_text(PROVISIONING)
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()):

        def call(*arguments: str | Path) -> tuple[int, str, str]:
            return command(patch, arguments), "", ""

        assert call("init", "--data", folder / "data")[0] == 0
        assert call("apply", folder / "wanted.toml", "--data", folder / "data")[0] == 0
        more(call, folder / "data", 0)
    return folder / "data"


@pytest.fixture
def data(tmp_path: Path, filled: Path) -> Path:
    """Such a store."""
    return shutil.copytree(filled, tmp_path / "data")


def more(call: Call, data: Path, first: int) -> None:
    """Import and seal twenty events."""
    rows = [
        event("go" if n % 2 else "stop", T0 + n, session=f"s{n % 4}", id=f"e{n}", params={"n": n})
        for n in range(first, first + 20)
    ]
    path = data.parent / f"{first}.ndjson"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert call("import", path, "--data", data, "--app", "app_waves")[0] == 0
    assert call("seal", "--data", data, "--all")[0] == 0


def asked(data: Path, out: Path, *options: str | Path) -> tuple[str | Path, ...]:
    """The command line of an export."""
    return ("export", "--data", data, "--app", "app_waves", "--out", out, *options)


def made(call: Call, data: Path, out: Path, *options: str | Path) -> Any:
    """Export; its manifest, which is the result as JSON and the file too."""
    code, shown, err = call(*asked(data, out, *options, "--json"))
    assert (code, err) == (0, ""), err
    manifest = json.loads(shown)
    assert json.loads((out / "manifest.json").read_text()) == manifest
    return manifest


def test_files_manifest_and_schema_lie_in_the_directory(data: Path, tmp_path: Path, call: Call) -> None:
    """Just what the manifest names, with its bytes; `verify` takes it; nothing of it is left in the store."""
    out = tmp_path / "new" / "out"
    manifest = made(call, data, out, *WINDOW, "--packing", "none")
    (file,) = manifest["files"]
    named = {"manifest.json", file["name"], manifest["schema"]["name"]}
    assert {path.name for path in out.iterdir()} == named
    lines = (out / file["name"]).read_text().splitlines()
    assert len(lines) == file["rows"] == manifest["rows"] == 20
    assert manifest["cursor"] is None
    schema = json.loads((out / manifest["schema"]["name"]).read_text())
    assert list(json.loads(lines[0])) == [name for name in schema["properties"] if name in json.loads(lines[0])]
    assert not [path for path in (data / "files").rglob("*exp_*") if path.is_file()]
    code, shown, _ = call("verify", out, "--json")
    assert (code, json.loads(shown)["ok"]) == (0, True), shown


FORMS = [
    ("--shape", "sessions", "--format", "parquet"),
    ("--shape", "tables", "--format", "csv", "--csv-safe", "--packing", "zip"),
    ("--split", "hour", "--json-array", "--packing", "zstd"),
    ("--split", "size", "--file-bytes", "16000000", "--format", "xml"),
]


@pytest.mark.parametrize("form", FORMS, ids=" ".join)
def test_every_form_can_be_asked_for(data: Path, tmp_path: Path, call: Call, form: tuple[str, ...]) -> None:
    """Shape, format, packing, split and options arrive in the request, with defaults that fit; `verify` agrees."""
    manifest = made(call, data, tmp_path / "out", *WINDOW, *form)
    request, options = manifest["request"], iter(form)
    for option in options:
        key = option.removeprefix("--").replace("-", "_")
        wanted = True if key in ("csv_safe", "json_array") else next(options)
        assert str(request[key]) == str(wanted)
    assert sum(file["rows"] for file in manifest["files"] if file["of"] == "rows") >= manifest["rows"] > 0
    code, shown, _ = call("verify", tmp_path / "out")
    assert code == 0, shown


def test_events_are_chosen(data: Path, tmp_path: Path, call: Call) -> None:
    """Names, predicates and columns do what they do over HTTP."""
    where = '[{"param": "n", "op": "gte", "value": 10}]'
    options = ("--event", "go", "--where", where, "--columns", "id, event", "--format", "csv", "--packing", "none")
    manifest = made(call, data, tmp_path / "out", *WINDOW, *options)
    (file,) = manifest["files"]
    rows = read_csv((tmp_path / "out" / file["name"]).read_bytes())
    assert sorted(row["id"] for row in rows) == ["e11", "e13", "e15", "e17", "e19"]
    assert {tuple(row) for row in rows} == {("id", "event")}
    assert manifest["filtered"] is True


def test_a_chain_goes_on(data: Path, tmp_path: Path, call: Call) -> None:
    """Each increment continues where its cursor left off, one with nothing new is empty, and `verify` joins them in any
    order.
    """
    one = made(call, data, tmp_path / "1", *EVERYTHING)
    more(call, data, 100)
    code, _, err = call(*asked(data, tmp_path / "no", *EVERYTHING, "--after", one["cursor"], "--event", "go"))
    assert (code, "shape or filters differ" in err) == (3, True)
    two = made(call, data, tmp_path / "2", *EVERYTHING, "--after", one["cursor"])
    three = made(call, data, tmp_path / "3", *EVERYTHING, "--after", two["cursor"])
    assert [manifest["rows"] for manifest in (one, two, three)] == [20, 20, 0]
    assert two["totals_before"] == one["totals_after"]
    code, shown, _ = call("verify", tmp_path / "3", tmp_path / "1", tmp_path / "2", "--json")
    report = json.loads(shown)
    assert (code, report["ok"], len(report["chains"])) == (0, True, 1), shown


def test_a_second_export_needs_a_directory_of_its_own(data: Path, tmp_path: Path, call: Call) -> None:
    """What is there is not touched."""
    out = tmp_path / "out"
    made(call, data, out, *WINDOW)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    code, shown, err = call(*asked(data, out, *WINDOW))
    assert (code, shown) == (3, "")
    assert "holds an export already" in err
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_a_dry_run_writes_nothing(data: Path, tmp_path: Path, call: Call) -> None:
    """It shows the request in full, the slices and what about will come out, which for all time is exact."""
    code, shown, err = call(*asked(data, tmp_path / "out", *WINDOW, "--dry-run", "--json"))
    plan = json.loads(shown)
    assert (code, err) == (0, "")
    assert (plan["estimate"]["events"], plan["estimate"]["at_most"]) == (20, 20)
    assert sum(piece["events"] for piece in plan["slices"]) == 20
    assert plan["slices"][0]["day"] == "2026-01-02"
    assert plan["request"]["packing"] == "gzip"
    assert not (tmp_path / "out").exists()
    code, shown, _ = call(*asked(data, tmp_path / "out", *WINDOW, "--dry-run"))
    assert (code, "nothing was written" in shown) == (0, True)
    assert "2026-01-02" in shown


WRONG: list[tuple[tuple[str, ...], str]] = [
    ((), "needs both from and to"),
    (("--from", "yesterday", "--to", "2026-01-02T00:00:00Z"), "--from: must be an ISO 8601 instant"),
    (("--from", "2026-01-02T00:00:00Z", "--to", "2026-01-02"), "--to: must be an ISO 8601 instant"),
    (("--from", "2026-01-02T00:00:00Z", "--to", "2026-01-01T00:00:00Z"), "must be later than"),
    ((*WINDOW, "--columns", "id,wat"), "--columns: there is no column 'wat'"),
    ((*WINDOW, "--columns", "id,id"), "--columns: a column is named twice"),
    ((*WINDOW, "--columns", ""), "--columns: "),
    ((*WINDOW, "--where", "{"), "--where: must be a JSON list of predicates"),
    ((*WINDOW, "--where", "{}"), "--where: must be a JSON list of predicates"),
    ((*WINDOW, "--where", '[{"field": "wat", "op": "eq", "value": 1}]'), "--where[0].field"),
    ((*WINDOW, "--where", '[{"param": "n", "op": "gt", "value": null}]'), "--where[0].value"),
    ((*WINDOW, "--format", "parquet", "--packing", "gzip"), "'gzip' does not go with the format 'parquet'"),
    ((*WINDOW, "--shape", "tables", "--split", "day"), "'day' does not go with the shape 'tables'"),
    ((*WINDOW, "--csv-safe"), "csv_safe"),
    ((*WINDOW, "--file-bytes", "1"), "file_bytes: must be 16000000 or more"),
    ((*WINDOW, "--after", "x"), "after: "),
    (("--axis", "available", "--after", "x"), "cursor: it is damaged; copy"),
    (("--axis", "available", "--from", "2999-01-01T00:00:00Z"), "lies in the future"),
    (("--axis", "available", "--to", "2999-01-01T00:00:00Z"), "ends in the future, at 2999-01-01T00:00:00.000Z"),
]


@pytest.mark.parametrize(("options", "says"), WRONG, ids=[" ".join(options) for options, _ in WRONG])
def test_what_cannot_be_is_3(data: Path, tmp_path: Path, call: Call, options: tuple[str, ...], says: str) -> None:
    """The message names what is wrong, in a line; nothing is written."""
    code, shown, err = call(*asked(data, tmp_path / "out", *options))
    assert (code, shown) == (3, ""), err
    assert says in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_other_refusals(data: Path, tmp_path: Path, call: Call) -> None:
    """An unknown app and a missing store are 3, a word that is no choice is 2, a directory that is a file is 3."""
    out, other = tmp_path / "out", tmp_path / "file"
    other.write_text("x")
    assert call("export", "--data", data, "--app", "nope", "--out", out, *WINDOW)[0] == 3
    assert call("export", "--data", tmp_path / "none", "--app", "app_waves", "--out", out, *WINDOW)[0] == 3
    assert call(*asked(data, out, *WINDOW, "--format", "yaml"))[0] == 2
    assert call(*asked(data, other, *WINDOW))[0] == 3
    assert call(*asked(data, other / "deep", *WINDOW))[0] == 3
    assert other.read_text() == "x"


@pytest.mark.parametrize(
    "form", [(), again(("--format", "csv")), again(("--format", "parquet")), ("--shape", "sessions")]
)
def test_parts_pass(
    data: Path, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch, form: tuple[str, ...]
) -> None:
    """Ten slices share a few scratch files in turn; the rows are those of an export in which each has its own."""
    for wave in range(1, 10):
        more(call, data, wave * 20)
    monkeypatch.setattr(plan, "SLICE_EVENTS", 20)
    monkeypatch.setenv("TAILRACE_EXPORTS__CACHE_BYTES", "0")
    names: list[str] = []
    monkeypatch.setattr(making, "run_all", watched(run_all, names))
    plain = made(call, data, tmp_path / "passing", *EVERYTHING, *form, "--packing", "none")
    assert len(names) == 10
    assert len(set(names)) == 4  # two workers, and two more
    assert scratch(data) == []
    names.clear()
    kept = made(call, data, tmp_path / "kept", *EVERYTHING, *form, "--split", "day", "--packing", "none")
    assert len(set(names)) == len(names) == 10
    assert [(f["rows"], f["content_sha256"]) for f in plain["files"]] == [
        (f["rows"], f["content_sha256"]) for f in kept["files"]
    ]
    assert call("verify", tmp_path / "passing")[0] == 0


def watched(run: Callable[..., Any], names: list[str]) -> Callable[..., Any]:
    """`run_all`, with the scratch names of all slices written down."""

    def ran(pool: object, work: object, specs: list[Any], *bounds: object) -> Any:
        names.extend(spec.object for spec in specs)
        return run(pool, work, specs, *bounds)

    return ran


def scratch(data: Path) -> list[Path]:
    """Files of exports in a store."""
    return [path for path in data.rglob("*") if path.is_file() and "exports" in path.parts]


def test_as_a_process_of_its_own(data: Path, tmp_path: Path) -> None:
    """With slices in processes: progress on stderr, one line on stdout, and the files."""
    done = run(*asked(data, tmp_path / "out", *WINDOW))
    assert done.returncode == 0, done.stderr
    assert "20 rows, 1 files" in done.stdout
    assert "Traceback" not in done.stderr
    assert (tmp_path / "out" / "manifest.json").exists()
