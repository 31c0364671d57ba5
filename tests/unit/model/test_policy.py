"""Policy values."""

import pytest

from tailrace.model.errors import Invalid
from tailrace.model.policy import LIMITS, check_limit


def test_every_policy_can_be_set_to_its_default_and_to_zero() -> None:
    """Names are keys of themselves, and defaults are values that `apply` would take."""
    for name, known in LIMITS.items():
        assert known.name == name
        assert check_limit(name, known.default) == known.default
        assert check_limit(name, 0) == 0


@pytest.mark.parametrize("value", [-1, 1.0, "5", True, None, []])
def test_a_value_that_cannot_be_is_refused_by_the_policys_name(value: object) -> None:
    """Negative, fractional, boolean and textual values name the policy and its unit."""
    with pytest.raises(Invalid) as refused:
        check_limit("ingest.max_body_bytes", value)
    assert refused.value.where == "limits.ingest.max_body_bytes"
    assert "bytes" in refused.value.why


def test_an_unknown_policy_is_answered_with_the_known_ones() -> None:
    """A misspelt name lists what could have been meant."""
    with pytest.raises(Invalid) as refused:
        check_limit("ingest.max_body", 1)
    assert all(name in refused.value.why for name in LIMITS)
