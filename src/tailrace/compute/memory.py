"""The memory that the C library keeps for later: how much of it, and when it is given back."""

import ctypes
from contextlib import suppress

# M_MMAP_THRESHOLD, M_TRIM_THRESHOLD and M_TOP_PAD of malloc.h: from where on a buffer gets a mapping of its own, how
# much may lie idle at the top of the heap, and by how much more than is needed it grows. In bytes.
_OPTIONS = {-3: 256 << 20, -1: 48 << 20, -2: 8 << 20}


def reuse_memory() -> None:
    """Have the C library keep large buffers for the next ones: mapping each anew is a third of the system time."""
    with suppress(OSError, AttributeError):  # another C library has no such thing, and needs none
        library = ctypes.CDLL(None)
        for option, size in _OPTIONS.items():
            library.mallopt(option, size)


def give_back_memory() -> None:
    """Have the C library give back what lies idle between what is used, as large work of many threads leaves it."""
    with suppress(OSError, AttributeError):  # as above
        ctypes.CDLL(None).malloc_trim(0)
