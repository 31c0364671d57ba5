"""Halves of surrogate pairs (4.19): U+FFFD and a flag in names and ids, escapes as they were in parameters."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from tailrace.ingest.accept import Origin
from tailrace.ingest.draft import Draft
from tailrace.ingest.flags import REPAIRED
from tailrace.ingest.protocols.native import draft_records
from tailrace.ingest.rows import Row, draft_rows
from tests.unit.ingest.deciding import decided
from tests.unit.ingest.test_accept import DOOR, NOW, rows

Drafter = Callable[[Sequence[bytes]], Draft]


def native(raws: Sequence[bytes]) -> Draft:
    return draft_records(raws, None)


def foreign(raws: Sequence[bytes]) -> Draft:
    """As a protocol with names of its own reads them."""

    def read(raw: bytes) -> Row:
        said: dict[str, Any] = msgspec.json.decode(raw)
        names = ("event", "device_id", "time", "params", "session", "profile")
        return Row(**{name: said[name] for name in names if name in said}, fields={"info": said.get("info")})

    return draft_rows(raws, read, sent_at=None)


@pytest.mark.parametrize("draft", [native, foreign])
def test_a_half_costs_no_record(draft: Drafter) -> None:
    """High or low, first or last: it becomes U+FFFD where text is needed, and stays an escape in parameters; a whole
    pair, an escaped backslash and a neighbour are not touched. Only what a name or an id lost is flagged.
    """
    raws = [
        rb'{"event":"a\ud800","device_id":"\udc00\ud83d\ude00d","time":%d,"info":"\\ud800 \uD8aB!"}' % NOW,
        rb'{"event":"b","device_id":"d","time":%d,"params":{"x\udfff":"\ud800","y":"\\ud800 \ud83d\ude00"}}' % NOW,
        rb'{"event":"c","device_id":"d","time":%d,"session":{"city":"\ud800"},"profile":{"name":"\udc00"}}' % NOW,
        rb'{"event":"d","device_id":"d","time":%d,"params":{"fine":1}}' % NOW,
    ]
    outcome = decided(DOOR, draft(raws), raws, Origin("events", "{}"), NOW)
    assert not outcome.rejected
    first, second, third, last = rows(outcome)
    assert (first["event"], first["device_id"], first["info"]) == ("a\ufffd", "\ufffd\U0001f600d", "\\ud800 \ufffd!")
    assert (first["flags"], second["flags"], third["flags"], last["flags"]) == (REPAIRED, None, REPAIRED, None)
    assert second["params"].replace("\U0001f600", r"\ud83d\ude00") == (
        r'{"x\udfff":"\ud800","y":"\\ud800 \ud83d\ude00"}'
    )
    assert (third["session"], third["profile"]) == ('{"city":"\ufffd"}', '{"name":"\ufffd"}')
    assert last["params"] == '{"fine":1}'


@pytest.mark.parametrize("draft", [native, foreign])
def test_a_half_hides_nothing_else(draft: Drafter) -> None:
    """A record that is bad for another reason too is a dead letter with that reason, as it was sent."""
    raw = rb'{"event":"\ud800","device_id":"d","params":{"a":tru}}'
    outcome = decided(DOOR, draft([raw]), [raw], Origin("events", "{}"), NOW)
    assert "malformed" in outcome.rejected[0].reason
    assert outcome.submission.dead[0].raw == raw
