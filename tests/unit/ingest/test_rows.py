"""Rows that protocols read: one that no column could hold is rejected by itself."""

import pytest

from tailrace.ingest.rows import Row, draft_rows


@pytest.mark.parametrize("time", [1 << 63, -(1 << 63) - 1, 1 << 70])
def test_a_time_beyond_all_columns_is_one_bad_record(time: int) -> None:
    """It must not fail its batch for ever, as a sender would send it again and again."""
    rows = {b"good": Row("e", device_id="d", time=5), b"bad": Row("e", device_id="d", time=time)}
    draft = draft_rows([b"good", b"bad"], rows.__getitem__, sent_at=None)
    assert [(one.place, one.reason) for one in draft.rejected] == [(1, "time: not between the years 1 and 9999")]
    assert draft.table["time"].to_pylist() == [5]
