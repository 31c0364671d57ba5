"""Strings as old web pages pack them. The packed ones here were made by the packer that those pages used."""

import pytest

from tailrace.ingest.lzstring import unpack_lzstring
from tailrace.model.errors import TooLarge

REPEATED = "IY18ZXTt/DFOS1b0c17Pd/wYUcSaWeRZVdTbXTEA"  # 1,000 times the letter a


def test_a_packed_string_is_unpacked() -> None:
    """One of a single letter, and the empty one."""
    assert unpack_lzstring(REPEATED, 1000) == "a" * 1000
    assert unpack_lzstring("Q===", 0) == ""


def test_a_string_that_would_fill_the_memory_is_refused_as_it_grows() -> None:
    """The limit is on what comes out, which can be far longer than what came in."""
    with pytest.raises(TooLarge) as caught:
        unpack_lzstring(REPEATED, 999)
    assert caught.value.limit == 999


@pytest.mark.parametrize("packed", ["", REPEATED[:-4], "****", REPEATED[:5] + "////" + REPEATED[9:]])
def test_what_is_no_packed_string_is_refused(packed: str) -> None:
    """Empty, torn, of other letters, or with a piece that was never there."""
    with pytest.raises(ValueError, match="the packed text"):
        unpack_lzstring(packed, 10_000)
