"""The memory that the C library keeps for later: how much of it, and when it is given back."""

import ctypes
from collections.abc import Mapping
from contextlib import suppress

# Options of malloc.h, in bytes: from where on a buffer gets a mapping of its own, how much may lie idle at the top of
# the heap, and by how much more than is needed it grows.
_MMAP_THRESHOLD, _TRIM_THRESHOLD, _TOP_PAD = -3, -1, -2


def reuse_memory() -> None:
    """Have the C library keep large buffers for the next ones: mapping each anew is a third of the system time."""
    _set({_MMAP_THRESHOLD: 256 << 20, _TRIM_THRESHOLD: 48 << 20, _TOP_PAD: 8 << 20})


def map_large_buffers() -> None:
    """Have the C library give each large buffer a mapping of its own, also after many of them: for a process that is
    to stay small between large work, whose buffers would lie between small ones that stay.
    """
    _set({_MMAP_THRESHOLD: 512 << 10, _TRIM_THRESHOLD: 8 << 20})


def give_back_memory() -> None:
    """Have the C library give back what lies idle between what is used."""
    with suppress(OSError, AttributeError):  # another C library has no such thing, and needs none
        ctypes.CDLL(None).malloc_trim(0)


def _set(options: Mapping[int, int]) -> None:
    with suppress(OSError, AttributeError):  # as above
        library = ctypes.CDLL(None)
        for option, size in options.items():
            library.mallopt(option, size)
