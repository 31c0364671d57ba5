"""Bytes that are held in memory, as a storage of one object: what is always the same need lie nowhere."""

from tailrace.model.segment import CLEAR


class Held:
    """One object, whatever key it is asked for by."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def ranges(self, key: str, key_ref: str = CLEAR) -> "HeldRanges":  # noqa: ARG002 - as the protocol has it
        """Any of its bytes."""
        return HeldRanges(self._data)


class HeldRanges:
    """Any bytes of it, at once."""

    step = 1 << 20

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)

    def at_once(self, start: int, stop: int) -> memoryview:
        """Bytes."""
        return self._data[start:stop]

    def descriptor(self, start: int, stop: int) -> None:
        """There is no file."""

    def read(self, start: int, stop: int) -> memoryview:
        """Bytes."""
        return self._data[start:stop]

    def close(self) -> None:
        """Nothing to let go of."""
