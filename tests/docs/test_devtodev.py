"""docs/devtodev.md against the code and the tests that it names."""

import re

from tailrace.model.policy import LIMITS
from tailrace.surfaces.devtodev.choosing import IDS
from tailrace.surfaces.devtodev.errors import ERRORS, ERRORS_LISTED
from tailrace.surfaces.devtodev.filters import OPERATORS
from tailrace.surfaces.devtodev.policy import LIMITS as OURS
from tailrace.surfaces.devtodev.surface import DEVTODEV
from tailrace.web.failures import sample
from tests.docs.sentences import check_sentences, page_of, section

PAGE = page_of("devtodev")


def test_every_sentence_has_a_test_or_a_reason() -> None:
    """Sentences are numbered from 1; each names tests that exist, or says why there is none."""
    check_sentences("devtodev", "not a rule", "not of the API", "not of this page", least=60)


def test_every_status_and_code_of_an_error_is_listed() -> None:
    """The table of errors has each status that the surface answers, and each code beside its status."""
    rows = re.findall(r"^\| ([\d, ]+) \| ([\d, ]+) \|", section(PAGE, "Errors"), re.MULTILINE)
    listed = {
        (int(status), int(code))
        for statuses, codes in rows
        for status in statuses.split(",")
        for code in codes.split(",")
    }
    assert {(status, code) for code, (status, _) in ERRORS_LISTED.items()} <= listed
    ours = {DEVTODEV.reply(sample(kind)).status_code for kind in ERRORS}
    assert ours | {404, 405} <= {status for status, _ in listed}


def test_ids_and_operators_are_those_of_the_code() -> None:
    """Each id of a standard event and each operator stands in its table, and no other one."""
    ids = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`\w+`[^|]*) \|", section(PAGE, "Events"), re.MULTILINE)))
    assert set(ids) == IDS
    operators = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`[^|]*) \|", section(PAGE, "Filters"), re.MULTILINE)))
    assert set(operators) == set(OPERATORS)


def test_settings_are_those_of_the_code() -> None:
    """Each limit of the surface stands in the page with its default, and is one that `tailrace apply` knows."""
    shown = dict(re.findall(r'^"(devtodev\.\w+)" = (\d+)$', section(PAGE, "Limits"), re.MULTILINE))
    assert shown == {one.name: str(one.default) for one in OURS}
    assert shown.keys() <= LIMITS.keys()
    assert {f"devtodev.{name}" for name in re.findall(r"`devtodev\.(\w+)`", PAGE)} <= shown.keys()
