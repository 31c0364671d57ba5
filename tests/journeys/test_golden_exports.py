"""The exact bytes of exports: what a client has built on does not change by accident.

`TAILRACE_UPDATE_GOLDEN=1` writes the files anew. Parquet files carry the version of their writer, so their golden files
are their columns and rows.
"""

import io
import json
import os
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

from tailrace.exports.forms import default_split
from tailrace.exports.submit import submit
from tailrace.model.access import Scope
from tailrace.model.clock import DAY, MINUTE
from tailrace.model.export import Format, Shape
from tailrace.wiring import House
from tests.journeys.test_formats import with_exports
from tests.sending import T0, Row, event, file_bytes, principal, request, seal, send, work

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "exports"
SHAPES: tuple[Shape, ...] = ("events", "sessions", "tables")
FORMS: dict[str, tuple[Format, dict[str, Any]]] = {
    "lines": ("json", {}),
    "array": ("json", {"json_array": True}),
    "csv": ("csv", {}),
    "csv_safe": ("csv", {"csv_safe": True}),
    "xml": ("xml", {}),
    "parquet": ("parquet", {}),
}
UPDATE = "TAILRACE_UPDATE_GOLDEN"


@pytest.fixture
def backend() -> str:
    """SQLite: files do not depend on the database."""
    return "sqlite"


@pytest.fixture
def house(house: House) -> House:
    """A store that makes slices in this process, each time anew."""
    return with_exports(house, pool="threads", cache_bytes=0)


def records() -> list[Row]:
    """Three sessions of two devices, with a bit of everything."""
    context = {"app_version": "1.2", "country": "DE", "platform": "web", "properties": {"a b": [1, None]}}
    params = {"n": 1, "x": 0.5, "t": 'say "hi",\r\n=1', "ok": True, "o": {"k": [1, "<&>"]}, "m": 1, "": None}
    profile = {"name": "Ana, A.", "gender": "female", "attributes": {"tier": 1}}
    return [
        event("go", T0, id="e1", params=params, user_id="u1", profile=profile) | {"session": context},
        event("go", T0 + MINUTE, id="e2", params={"n": 2, "t": "", "m": "1", "a b/ü": -5}, level=3),
        event("users", T0 + 2 * MINUTE, id="e3", value=-0.5, info="=1+1", is_paying=False),
        event("buy", T0, id="e4", device="d2", session="s2", amount=9.99, currency="USD", info=""),
        event("go", T0 + DAY, id="e5", device="d2", session="s3", params={"x": 2, "ok": False}, info="\x01\ufffe 😀"),
    ]


def fill(house: House, scope: Scope) -> None:
    """Send and seal the records at a fixed time."""
    assert send(house, scope, records(), at=T0 + 3 * DAY).rejected == []
    seal(house, scope)


def files_of(house: House, scope: Scope, shape: Shape, form: str) -> dict[str, bytes]:
    """The files of an export by golden name."""
    format_, options = FORMS[form]
    base = request(scope, "event_time", T0 - DAY, T0 + 2 * DAY)
    asked = replace(base, shape=shape, format=format_, packing="none", split=default_split(shape), **options)
    done = work(house, scope, submit(house.submitter(), principal(house, scope), scope, asked).id)
    assert done.state == "succeeded", done.error
    manifest = json.loads(done.manifest or "")
    names = [*(file["name"] for file in manifest["files"]), manifest["schema"]["name"]]
    start = f"{done.request.app}-{done.id}-"
    return {shown_name(name.removeprefix(start), form): shown(file_bytes(house, done, name)) for name in names}


def shown_name(name: str, form: str) -> str:
    """The name of a golden file."""
    stem, _, extension = name.partition(".")
    if "schema" in extension:
        return name
    return f"{stem}.{'safe.' if form == 'csv_safe' else ''}{extension}{'.txt' if form == 'parquet' else ''}"


def shown(data: bytes) -> bytes:
    """Bytes as a golden file keeps them."""
    if data[:4] != b"PAR1":
        return re.sub(rb"Rows of export exp_[0-9a-z]+", b"Rows of export EXPORT", data)
    table = pq.read_table(io.BytesIO(data))
    rows = [json.dumps(row, ensure_ascii=False, default=str) for row in table.to_pylist()]
    return "\n".join([*(f"{field.name}: {field.type}" for field in table.schema), "", *rows, ""]).encode()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shape", SHAPES)
def test_an_export_is_as_it_was(house: House, scope: Scope, shape: Shape, form: str) -> None:
    """Files, columns, their order, and every byte."""
    fill(house, scope)
    found = files_of(house, scope, shape, form)
    if os.environ.get(UPDATE):
        for name, data in found.items():
            (GOLDEN / name).write_bytes(data)
    kept = {name: (GOLDEN / name).read_bytes() for name in found}
    assert found == kept


def test_no_golden_file_is_left_over(house: House, scope: Scope) -> None:
    """Each golden file is a file of some export."""
    fill(house, scope)
    made = {name for shape in SHAPES for form in FORMS for name in files_of(house, scope, shape, form)}
    assert {path.name for path in GOLDEN.iterdir()} == made
