"""Forms: every combination of shape, format, packing and split is either made or refused by name."""

from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest

from tailrace.exports.forms import SMALLEST_FILE, check_form, default_packing, default_split
from tailrace.model.errors import Invalid
from tailrace.model.export import FORMATS, PACKINGS, SHAPES, SPLITS, ExportRequest, Format, Shape
from tailrace.model.window import Window
from tests.effort import again
from tests.unit.exports.histories import Told

FIT: dict[str, list[str]] = {  # splits of a shape, packings of a format
    "events": ["single", "size", "hour", "day", "event"],
    "sessions": ["single", "size", "hour", "day"],
    "tables": ["event"],
    "json": ["none", "gzip", "zstd", "zip"],
    "csv": ["none", "gzip", "zstd", "zip"],
    "xml": ["none", "gzip", "zstd", "zip"],
    "parquet": ["none", "zip"],
}
ASKED = ExportRequest("app_waves", Window("available", None, None))
COMBINATIONS = [
    {"shape": shape, "format": format_, "packing": packing, "split": split}
    for shape, format_, packing, split in product(SHAPES, FORMATS, PACKINGS, SPLITS)
]


def asked(**other: Any) -> ExportRequest:
    """A request of this form."""
    return ExportRequest(ASKED.app, ASKED.window, **other)


def refusal(**other: Any) -> str | None:
    """The key that is refused."""
    try:
        check_form(asked(**other))
    except Invalid as error:
        return error.where
    return None


@pytest.mark.parametrize("half", [0, again(1)])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_combination_is_made_or_refused(told: Told, shape: Shape, half: int) -> None:
    """What `check_form` lets through comes out with every event; all else names the split or the packing."""
    store = told(size=3)
    for form in [form for form in COMBINATIONS if form["shape"] == shape][half::2]:
        refused = refusal(**form)
        assert refused == unfit(form), form
        if refused:
            continue
        manifest, found = store.contents(**form)
        rows = [row for one in found if one.entry["of"] == "rows" for row in one.rows]
        assert manifest["rows"] == len(rows) > 0, form
        if shape != "sessions":
            assert sorted(row["id"] for row in rows) == sorted(record["id"] for record in store.sent), form


def unfit(form: Mapping[str, str]) -> str | None:
    """The key of a combination that fits nothing."""
    if form["split"] not in FIT[form["shape"]]:
        return "split"
    return None if form["packing"] in FIT[form["format"]] else "packing"


def test_a_form_that_does_not_fit_says_what_would() -> None:
    """The message names what goes with what was asked for."""
    with pytest.raises(Invalid, match="'day' does not go with the shape 'tables'; choose 'event'"):
        check_form(asked(shape="tables", split="day"))
    with pytest.raises(Invalid, match="'gzip' does not go with the format 'parquet'; choose 'none', 'zip'"):
        check_form(asked(format="parquet"))


@pytest.mark.parametrize(
    ("other", "where"),
    [
        ({"json_array": True}, None),
        ({"json_array": True, "format": "csv"}, "json_array"),
        ({"csv_safe": True}, "csv_safe"),
        ({"csv_safe": True, "format": "csv"}, None),
        ({"file_bytes": SMALLEST_FILE}, None),
        ({"file_bytes": SMALLEST_FILE - 1}, "file_bytes"),
        ({"shape": "tables", "split": "event", "columns": ("id", "params")}, "columns"),
        ({"shape": "tables", "split": "event", "columns": ("id",)}, None),
        ({"shape": "sessions", "columns": ("id", "time")}, "columns"),
        ({"shape": "sessions", "columns": ("id", "session_id")}, None),
    ],
)
def test_options_are_refused_where_they_mean_nothing(other: dict[str, Any], where: str | None) -> None:
    """Each is named; where it means something it is taken."""
    assert refusal(**other) == where


def test_defaults_always_fit() -> None:
    """Whatever shape and format are asked for, what is meant where nothing is said is no error."""
    for shape, format_ in product(SHAPES, FORMATS):
        check_form(form_of(shape, format_))
    assert [default_split(shape) for shape in SHAPES] == ["single", "size", "event"]
    assert [default_packing(format_) for format_ in FORMATS] == ["gzip", "gzip", "gzip", "none"]


def form_of(shape: Shape, format_: Format) -> ExportRequest:
    """A request that says no more."""
    return asked(shape=shape, format=format_, packing=default_packing(format_), split=default_split(shape))
