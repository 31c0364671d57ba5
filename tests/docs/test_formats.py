"""The page on formats against the code that it describes."""

import re
from pathlib import Path

from tailrace.exports.forms import _PACKINGS, _SPLITS, SMALLEST_FILE
from tailrace.exports.layout import USER_COUNTS, USER_FIELDS
from tailrace.exports.names import LONGEST
from tailrace.formats.bodies import EXTENSIONS
from tailrace.formats.encoders import encoder_of
from tailrace.formats.parquet import ROW_GROUP_BYTES, ROW_GROUP_ROWS
from tailrace.formats.xml import name_of
from tailrace.model.export import FILE_BYTES, FORMATS, PACKINGS, SHAPES

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "formats.md").read_text("utf-8")
LABELS = {"json": "JSON", "csv": "CSV", "xml": "XML", "parquet": "Parquet"}


def rows(start: str) -> list[list[str]]:
    """Cells of the rows of the table whose header begins so."""
    table = PAGE.split(f"\n| {start} |")[1].split("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def codes(text: str) -> list[str]:
    """What stands in code in a text."""
    return re.findall("`([^`]+)`", text)


def test_the_splits_of_each_shape_are_those_that_are_offered() -> None:
    """In order, the default first."""
    assert {codes(row[0])[0]: tuple(codes(row[2])) for row in rows("shape")} == _SPLITS
    assert set(_SPLITS) == set(SHAPES)


def test_the_packings_are_those_that_are_offered() -> None:
    """Each with its extension and the formats that it goes with."""
    found = {codes(row[0])[0]: row for row in rows("packing")}
    assert set(found) == set(PACKINGS)
    for packing, (_, file, formats) in found.items():
        offered = {format_ for format_ in FORMATS if packing in _PACKINGS[format_]}
        every = offered == set(FORMATS)
        assert formats.startswith("all formats") == every
        assert every or {format_ for format_ in FORMATS if LABELS[format_] in formats} == offered
        extension = EXTENSIONS[packing]  # type: ignore[index]
        assert not extension or extension in codes(file)


def test_names_of_elements_are_as_shown() -> None:
    """The examples are what the encoder makes."""
    for column, element in rows("column | element"):
        assert f"<{name_of(codes(column)[0])}>" == codes(element)[0]


def test_the_users_table_has_the_columns_that_are_listed() -> None:
    """All of them, in order."""
    text = PAGE.split("## The users table")[1]
    listed = codes(text.split("Its columns are")[1].split(": what")[0])
    assert listed == [field.name for field in USER_FIELDS]
    counted = [[codes(row[0])[0], row[1]] for row in rows("column | kind")]
    assert counted == [[field.name, field.kind] for field in USER_COUNTS]


def test_extensions_and_bounds_are_as_stated() -> None:
    """Each format's extension and media types of JSON, and every number."""
    for format_ in FORMATS:
        for array in (False, True):
            assert f"`{encoder_of(format_, 'event', array=array).extension}`" in PAGE
    for array in (False, True):
        assert f"`{encoder_of('json', 'event', array=array).media_type}`" in PAGE
    for number in (FILE_BYTES, SMALLEST_FILE, ROW_GROUP_ROWS):
        assert f"{number:,}" in PAGE
    assert f"{ROW_GROUP_BYTES >> 20} MiB" in PAGE
    assert f"{LONGEST} bytes" in PAGE
