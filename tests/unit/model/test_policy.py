"""Policy values."""

import pytest

from tailrace.model.errors import Invalid
from tailrace.model.policy import LIMITS, check_limit


def test_every_policy_can_be_set_to_its_default_and_to_its_least() -> None:
    """Names are keys of themselves; `apply` would take defaults and the least that may be, mostly 0, and no less."""
    for name, known in LIMITS.items():
        assert known.name == name
        assert check_limit(name, known.default) == known.default
        assert check_limit(name, known.least) == known.least
        with pytest.raises(Invalid):
            check_limit(name, known.least - 1)


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
