"""Requests as rows keep them: read again and again while somebody polls."""

import msgspec
import pytest

from tailrace.exports import records
from tailrace.exports.records import read_request
from tailrace.model.errors import ExportFailed
from tailrace.model.export import ExportRequest
from tailrace.model.window import Window

ASKED = ExportRequest("app_waves", Window("available", None, None))


def test_a_request_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as it is not so long that keeping some of them would cost much memory."""
    text = msgspec.json.encode(ASKED).decode()
    assert read_request(text) == ASKED
    assert read_request(str(bytes(text, "utf-8"), "utf-8")) is read_request(text)
    monkeypatch.setattr(records, "_KEPT", len(text) - 1)
    assert read_request(text) == ASKED
    assert read_request(text) is not read_request(text)


def test_what_cannot_be_read_says_so_each_time() -> None:
    """A request in the words of another release."""
    for _ in range(2):
        with pytest.raises(ExportFailed, match="ask for the export again"):
            read_request('{"app": 5}')
