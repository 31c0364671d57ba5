"""The mapping file: what it may say, and one clear error for everything else."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tailrace.ingest.files.binding import bound, native_map
from tailrace.ingest.files.mapping import FileMap, Source, parse_map
from tailrace.model.errors import Invalid, Malformed

Write = Callable[[str, str | bytes], Path]

EVENT = '[fields]\nevent = { column = "name" }\n'


def test_a_map_becomes_sources() -> None:
    """Each section becomes sources; what is left out has its default."""
    text = EVENT + (
        'time = { column = "at", format = "epoch_s" }\n'
        '"page.url" = { column = "url" }\n'
        "[params]\n"
        'n = { column = "n", type = "int" }\n'
        'deep = { column = "data", path = ["a.b", "c"] }\n'
        "one = { value = 1 }\n"
        "[session]\n"
        'platform = { value = "web" }\n'
    )
    found = parse_map(text)
    assert found == FileMap(
        text,
        fields={
            "event": Source("fields.event", column="name"),
            "time": Source("fields.time", column="at", format="epoch_s"),
            "page_url": Source("fields.page_url", column="url"),
        },
        params={
            "n": Source("params.n", column="n", type="int"),
            "deep": Source("params.deep", column="data", path=("a.b", "c"), type="json"),
            "one": Source("params.one", value="1", type="int"),
        },
        session={"platform": Source("session.platform", value="web")},
    )


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[fields]\n", "fields.event"),
        ("[field]\n", "field"),
        ("fields = 1\n", "fields"),
        (EVENT + "tiem = { column = 'x' }", "fields.tiem"),
        (EVENT + "time = 'x'", "fields.time"),
        (EVENT + "time = { colum = 'x' }", "fields.time.colum"),
        (EVENT + "time = { column = 3 }", "fields.time.column"),
        (EVENT + "time = { column = 'x', format = 'unix' }", "fields.time.format"),
        (EVENT + "time = { column = 'x', zone = 'Berlin' }", "fields.time.zone"),
        (EVENT + "time = { column = 'x', zone = '../x' }", "fields.time.zone"),
        (EVENT + "user_id = { column = 'x', format = 'iso' }", "fields.user_id.format"),
        (EVENT + "user_id = { column = 'x', value = 'y' }", "fields.user_id"),
        (EVENT + "user_id = { value = [] }", "fields.user_id.value"),
        (EVENT + "user_id = { column = 'x', path = '' }", "fields.user_id.path"),
        (EVENT + "user_id = { column = 'x', path = 'a..b' }", "fields.user_id.path"),
        (EVENT + "user_id = { column = 'x', path = 'a\"b' }", "fields.user_id.path"),
        (EVENT + "params = { value = '{}' }", "fields.params"),
        (EVENT + "[params]\nx = { column = 'x', type = 'number' }", "params.x.type"),
        (EVENT + "[session]\nversion = { column = 'x' }", "session.version"),
        (EVENT + "[profile]\nage = { column = 'x' }", "profile.age"),
        (EVENT + "[file]\nformat = 'xlsx'", "file.format"),
        (EVENT + "[file]\nnull = ''", "file.null"),
        (EVENT + "[file]\nencoding = 'x'", "file.encoding"),
    ],
)
def test_a_wrong_key_or_value_is_named_by_its_path(text: str, where: str) -> None:
    """Whatever is wrong, the error names the one place in the file where it is."""
    with pytest.raises(Invalid) as error:
        parse_map(text)
    assert error.value.where == where
    assert error.value.why


def test_what_is_not_toml_is_malformed() -> None:
    """The parser's own words are kept, with the line."""
    with pytest.raises(Malformed, match="line 1"):
        parse_map("[fields\n")


@pytest.mark.parametrize(
    ("source", "columns", "where", "why"),
    [
        ("{ column = 'x' }", ["a", "b"], "fields.event.column", "no column 'x'; it has a, b"),
        ("{ path = 'x' }", ["a"], "fields.event", "needs a column or a value"),
        ("{ column = 'x' }", None, "fields.event.column", "has no columns"),
    ],
)
def test_a_map_must_fit_its_file(source: str, columns: list[str] | None, where: str, why: str) -> None:
    """A map for another file is refused before the first row is read."""
    with pytest.raises(Invalid, match=re.escape(why)) as error:
        bound(parse_map(f"[fields]\nevent = {source}"), "csv" if columns else "ndjson", columns)
    assert error.value.where == where


def test_native_columns_are_known_by_name() -> None:
    """Without a map, columns are named like the fields of a native record, with dots for nested ones."""
    columns = ["event", "page.url", "params", "params.level", "session.country", "profile.level"]
    found = native_map("csv", columns, {"params.level": "int"})
    assert (set(found.fields), set(found.session), set(found.profile)) == (
        {"event", "page_url", "params"},
        {"country"},
        {"level"},
    )
    assert found.params["level"].type == "int"


@pytest.mark.parametrize("column", ["foo", "session.foo", "profile.foo", "page.foo", "received_at"])
def test_a_column_of_no_known_name_is_refused(column: str) -> None:
    """Nothing is dropped in silence: an unknown column is named."""
    with pytest.raises(Invalid) as error:
        native_map("csv", ["event", column], {})
    assert error.value.where == column
