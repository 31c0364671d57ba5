"""Which bodies are batch objects, and which are lines of events."""

import pytest

from tailrace.ingest.protocols.native import decode_body

EVENT = b'{"event": "e", "device_id": "d"}'


@pytest.mark.parametrize(
    "body",
    [b'{"batch": [%b]}', b'{"sent_at": 1767323045678, "batch": [%b]}', b' \n{ "batch"\n: [%b] }\n'],
)
def test_a_batch_object_is_taken_apart(body: bytes) -> None:
    """Its records are the elements of `batch`, wherever it stands."""
    assert decode_body(body % EVENT)[0] == [EVENT]


def test_a_batch_object_with_another_key_is_refused_whole() -> None:
    """A key that nobody knows is an error that names it, also when it comes first: never a line that is rejected."""
    with pytest.raises(ValueError, match="writeKey"):
        decode_body(b'{"writeKey": "x", "batch": [%b]}' % EVENT)


@pytest.mark.parametrize(
    "line",
    [EVENT, b'{"params": {"batch": [1]}, "event": "e", "device_id": "d"}'],
)
def test_lines_of_events_stay_lines(line: bytes) -> None:
    """An event that happens to have a batch among its parameters is an event."""
    assert decode_body(line + b"\n" + line)[0] == [line, line]
    assert decode_body(line)[0] == [line]
