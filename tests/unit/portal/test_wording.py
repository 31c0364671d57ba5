"""Numbers and details as pages word them."""

from typing import Any

import pytest

from tailrace.portal.wording import listed, measured


@pytest.mark.parametrize(
    ("number", "unit", "words"),
    [
        (604_800_000, "ms", "7 days"),
        (86_400, "s", "1 day"),
        (5_000, "ms", "5 seconds"),
        (90_000, "ms", "90 seconds"),
        (999, "ms", ""),
        (1_500, "ms", ""),
        (400_000_000_000_000, "ms", ""),
        (16_777_216, "bytes", "16 MiB"),
        (256_000_000, "bytes", "256 MB"),
        (1_000_001, "bytes", ""),
        (50_000, "records", ""),
        ("1800000", "ms", "30 minutes"),
        ("", "ms", ""),
        ("processes", "pool", ""),
    ],
)
def test_a_long_measure_is_told_in_a_unit_that_fits(number: int | str, unit: str, words: str) -> None:
    """Only where it is a whole number of it: nothing is rounded."""
    assert measured(number, unit) == words


@pytest.mark.parametrize(
    ("detail", "text"), [(["a", "b"], "a, b"), (["*"], "*"), ([1, "a"], '[1,"a"]'), ("x", "x"), (None, ""), (7, "7")]
)
def test_details_of_the_audit_read_as_text(detail: Any, text: str) -> None:
    """Lists of texts without the marks of JSON."""
    assert listed(detail) == text
