"""The rule, case by case."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.files.base import Listed
from tailrace.model.clock import DAY, HOUR
from tailrace.model.objects import Lessee, Writer
from tailrace.upkeep.garbage import Reason, Standing, judge

NOW = 1_767_323_045_678
OPEN = Standing(5)  # fences from 5 on can still be committed
OVER = Standing(None)


def verdict(
    fence: int | None,
    standing: Standing | None,
    *,
    referenced: bool = False,
    age: int = 2 * HOUR,
    lessee: Lessee = "export",
    grace: int = HOUR,
) -> Reason:
    """What becomes of an object of a fence (None: of an unknown name) and an age in ms."""
    writer = None if fence is None else Writer(lessee, "x", fence)
    return judge(Listed("k", 1, NOW - age), writer, standing, referenced=referenced, now=NOW, grace_ms=grace)


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        # An object that a row names stays, whatever else is true of it.
        ("referenced", verdict(4, OPEN, referenced=True)),
        ("referenced", verdict(4, OVER, referenced=True)),
        ("referenced", verdict(4, None, referenced=True, age=99 * DAY)),
        ("referenced", verdict(None, None, referenced=True)),
        # Its writer may still commit it.
        ("open", verdict(5, OPEN)),
        ("open", verdict(6, OPEN)),
        ("open", verdict(5, OPEN, age=99 * DAY)),
        # Nobody can any more.
        ("garbage", verdict(4, OPEN)),
        ("garbage", verdict(0, OPEN)),
        ("garbage", verdict(4, OVER)),
        ("garbage", verdict(99, OVER)),
        # The grace is to the millisecond, and an object of the future is young.
        ("garbage", verdict(4, OPEN, age=HOUR)),
        ("young", verdict(4, OPEN, age=HOUR - 1)),
        ("young", verdict(4, OVER, age=-HOUR)),
        ("garbage", verdict(4, OPEN, age=0, grace=0)),
        # What this release did not name is left alone for ever.
        ("unknown", verdict(None, None, age=99 * DAY)),
        # So is what no shard of today has written.
        ("unknown", verdict(4, None, lessee="shard", age=99 * DAY)),
        # An export without a job may be one of the command line: a day of rest.
        ("young", verdict(0, None, age=DAY - 1)),
        ("garbage", verdict(0, None, age=DAY)),
        ("young", verdict(0, None, age=DAY, grace=2 * DAY)),
        ("young", verdict(0, None, age=DAY - 1, grace=0)),
    ],
)  # fmt: skip
def test_the_rule(expected: Reason, found: Reason) -> None:
    """Each case of the rule has its one verdict."""
    assert found == expected


@given(
    fence=st.none() | st.integers(0, 9),
    standing=st.sampled_from([OPEN, OVER, None]),
    age=st.integers(-DAY, 9 * DAY),
    lessee=st.sampled_from(["shard", "export"]),
    grace=st.integers(0, 3 * DAY),
)
def test_what_could_be_committed_or_is_named_never_goes(
    fence: int | None, standing: Standing | None, age: int, lessee: Lessee, grace: int
) -> None:
    """No age and no grace makes garbage of an object that a row names or a known lease may still commit."""
    assert verdict(fence, standing, referenced=True, age=age, lessee=lessee, grace=grace) == "referenced"
    if standing == OPEN and (fence or 0) >= 5:
        assert verdict(fence, standing, age=age, lessee=lessee, grace=grace) == "open"
    assert verdict(fence, standing, age=grace - 1, lessee=lessee, grace=grace) != "garbage"
