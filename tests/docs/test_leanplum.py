"""docs/leanplum.md against the code and the tests that it names."""

import re

from tailrace.model.policy import LIMITS
from tailrace.surfaces.leanplum.errors import ERRORS
from tailrace.surfaces.leanplum.shapes import NESTED, TABLES
from tailrace.surfaces.leanplum.surface import LEANPLUM
from tailrace.web.failures import sample
from tests.docs.sentences import check_sentences, page_of, section, statuses

PAGE = page_of("leanplum")
# Kin of JSON as the page of fields calls them.
PLACES = {"": "session", "states": "state", "events": "event", "experiments": "experiment"}


def test_every_sentence_has_a_test_or_a_reason() -> None:
    """Sentences are numbered from 1; each names tests that exist, or says why there is none."""
    check_sentences("leanplum", "not a rule", "not of the API", least=47)


def test_every_status_of_an_error_is_listed() -> None:
    """The table of errors names each status that the surface answers; 500 is nobody's plan."""
    assert statuses(PAGE) == {LEANPLUM.reply(sample(kind)).status_code for kind in ERRORS} - {500}


def test_the_page_of_fields_has_every_column() -> None:
    """docs/fields.md lists the columns of each kind of rows in both formats, and no other."""
    fields = section(page_of("fields"), "Leanplum")
    cells = [line.split("|")[1:3] for line in fields.splitlines() if line.startswith("| `")]
    listed = {
        (place, name) for where, names in cells for place in re.findall("`(.*?)`", where)
        for name in re.findall("`(.*?)`", names)
    }  # fmt: skip
    nested = {(PLACES[table.name], column.name) for table in NESTED for column in table.columns}
    assert listed == nested | {(table.name, column.name) for table in TABLES for column in table.columns}


def test_settings_that_the_page_names_exist() -> None:
    """Each `leanplum.…` is a limit, and all limits are named but the one that nobody meets."""
    named = {f"leanplum.{name}" for name in re.findall(r"\"leanplum\.([a-z_]+)", PAGE)}
    assert named == {name for name in LIMITS if name.startswith("leanplum.")} - {"leanplum.max_running"}
