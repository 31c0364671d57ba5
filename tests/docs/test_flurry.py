"""docs/flurry.md against the code and the tests that it names."""

import re

from tailrace.model.policy import LIMITS
from tailrace.surfaces.flurry.errors import ERRORS
from tailrace.surfaces.flurry.shapes import rows
from tailrace.surfaces.flurry.surface import FLURRY
from tailrace.web.failures import sample
from tests.docs.sentences import check_sentences, functions, page_of, section, statuses

PAGE = page_of("flurry")


def test_every_sentence_has_a_test_or_a_reason() -> None:
    """Sentences are numbered from 1; each names tests that exist, or says why there is none."""
    check_sentences("flurry", "not a rule", "not of the API", least=40)


def test_a_test_that_is_not_there_would_be_found() -> None:
    """The look at modules tells names that exist from others."""
    assert "test_the_whole_flow" in functions("flurry", "test_flow")
    assert "test_nothing" not in functions("flurry", "test_flow")


def test_every_status_of_an_error_is_listed() -> None:
    """The table of errors names each status that the surface answers; 500 is nobody's plan."""
    assert statuses(PAGE) == {FLURRY.reply(sample(kind)).status_code for kind in ERRORS} - {500}


def test_the_page_of_fields_has_the_columns_in_their_order() -> None:
    """docs/fields.md lists the sixteen columns as the surface has them, each with the fields that it is made of."""
    fields = section(page_of("fields"), "Flurry")
    cells = [line.split("|")[2:4] for line in fields.splitlines() if line.startswith("| `row`")]
    listed = [(re.findall("`(.*?)`", name)[0], tuple(re.findall("`(.*?)`", sources))) for name, sources in cells]
    assert listed == [(column.name, column.sources) for column in rows(2).columns]
    assert len(listed) == 16


def test_settings_that_the_page_names_exist() -> None:
    """Each `flurry.…` is a limit, and the page names those that choices refer to."""
    named = {f"flurry.{name}" for name in re.findall(r"`?\"?flurry\.([a-z_]+)", PAGE)}
    assert named <= set(LIMITS)
    assert named >= {"flurry.max_window_days", "flurry.max_events", "flurry.max_age_days", "flurry.storage_links"}
