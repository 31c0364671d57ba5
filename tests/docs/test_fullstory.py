"""docs/fullstory.md against the code and the tests that it names."""

import re

from tailrace.model.policy import LIMITS
from tailrace.surfaces.fullstory.errors import ERRORS
from tailrace.surfaces.fullstory.policy import LIMITS as OWN
from tailrace.surfaces.fullstory.shapes import rows
from tailrace.surfaces.fullstory.surface import FULLSTORY
from tailrace.web.failures import sample
from tests.docs.sentences import check_sentences, page_of, section, statuses

PAGE = page_of("fullstory")


def test_every_sentence_has_a_test_or_a_reason() -> None:
    """Sentences are numbered from 1; each names tests that exist, or says why there is none."""
    check_sentences("fullstory", "not of the API", least=61)


def test_every_status_of_an_error_is_listed() -> None:
    """The table of errors names each status that the surface answers; 500 is nobody's plan."""
    assert statuses(PAGE) == {FULLSTORY.reply(sample(kind)).status_code for kind in ERRORS} - {500}


def test_the_page_of_fields_has_the_fields() -> None:
    """docs/fields.md lists the fields as the surface has them, each with the canonical fields that it is made of."""
    fields = section(page_of("fields"), "FullStory")
    cells = [line.split("|")[2:4] for line in fields.splitlines() if line.startswith("| `event`")]
    listed = [(re.findall("`(.*?)`", name)[0], tuple(re.findall("`(.*?)`", sources))) for name, sources in cells]
    shown = [(column.name.replace("evt_*", "evt_<name>_<suffix>"), column.sources) for column in rows(1).columns]
    assert listed == shown


def test_settings_that_the_page_names_exist() -> None:
    """Each `fullstory.…` is a limit of the surface."""
    named = {f"fullstory.{name}" for name in re.findall(r"fullstory\.([a-z_]+)", PAGE) if name != "md"}
    assert named <= {limit.name for limit in OWN} <= set(LIMITS)
    assert len(named) >= 6
