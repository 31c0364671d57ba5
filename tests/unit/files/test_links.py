"""Signatures of links: of exactly what they open."""

from hypothesis import given
from hypothesis import strategies as st

from tailrace.files.links import Linked, is_signed, sign

SECRET = "5f" * 32
LINKED = st.builds(Linked, st.integers(1, 5), st.text(max_size=4), st.text(max_size=4))


@given(LINKED, LINKED, st.integers(0, 5), st.integers(0, 5))
def test_a_signature_is_of_all_of_a_link(one: Linked, other: Linked, end: int, other_end: int) -> None:
    """It is good for the same link and end, and for no other, however their texts are cut."""
    signature = sign(SECRET, one, end)
    assert is_signed(SECRET, one, end, signature)
    assert is_signed(SECRET, other, other_end, signature) is ((one, end) == (other, other_end))


def test_a_signature_is_of_one_store_and_safe_in_a_url() -> None:
    """Another secret makes another one; what is no signature at all is refused, not an error."""
    linked = Linked(1, "exp_1", "a b/ü.csv")
    signature = sign(SECRET, linked, 9)
    assert signature.replace("-", "").replace("_", "").isalnum()
    assert len(signature) == 43
    assert not is_signed("5e" * 32, linked, 9, signature)
    for wrong in ("", "ü", signature[:-1], signature + "A", signature.swapcase()):
        assert not is_signed(SECRET, linked, 9, wrong)
