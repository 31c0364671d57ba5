"""The sizes of parts: never too many, never too large for memory."""

from tailrace.files.s3.uploads import FIRST_PART, part_size

MIB, GIB, TIB = 1 << 20, 1 << 30, 1 << 40


def parts_of(size: int) -> list[int]:
    """The parts of an object."""
    parts: list[int] = []
    written = 0
    while written < size:
        part = min(part_size(written), size - written)
        parts.append(part)
        written += part
    return parts


def test_the_largest_object_has_fewer_parts_than_s3_allows() -> None:
    """5 TiB is the most that S3 keeps, 10 000 the most parts, 5 GiB the largest and 5 MiB the smallest of them."""
    parts = parts_of(5 * TIB)
    assert 9_000 < len(parts) <= 10_000
    assert max(parts) <= 5 * GIB
    assert min(parts[:-1]) >= 5 * MIB


def test_parts_are_alike_until_they_must_grow() -> None:
    """Objects of everyday sizes take little memory, and suit servers that want equal parts."""
    assert set(parts_of(23 * GIB)[:-1]) == {FIRST_PART}
    assert max(parts_of(100 * GIB)) < 70 * MIB
