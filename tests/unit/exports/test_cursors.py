"""Cursors: whole or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer
from msgspec.structs import replace

from tailrace.exports.cursors import Cursor, read_cursor, request_digest, write_cursor
from tailrace.model.errors import CURSOR_REASONS, CursorRefused
from tailrace.model.export import ExportRequest, Filters
from tailrace.model.window import Window

SECRET = "s3cret"
REQUEST = ExportRequest("app_waves", Window("available", None, None), filters=Filters(("a", "b"), ("1",)))
CURSOR = Cursor("epoch1", "app_waves", 7, request_digest(REQUEST))
TEXT = write_cursor(SECRET, CURSOR)


def read(
    text: str, request: ExportRequest = REQUEST, *, secret: str = SECRET, epoch: str = "epoch1", head: int = 7
) -> Cursor:
    """Read a cursor as submit does."""
    return read_cursor(secret, text, request, epoch=epoch, head=head)


def refused(text: str, request: ExportRequest = REQUEST, **how: object) -> str:
    """Why a cursor is refused."""
    with pytest.raises(CursorRefused) as error:
        read(text, request, **how)  # type: ignore[arg-type]
    assert error.value.reason in CURSOR_REASONS
    return error.value.reason


@given(st.text(min_size=1), st.integers(0, 2**60))
def test_a_cursor_comes_back(epoch: str, seq: int) -> None:
    """Any epoch and seq survive, in text that needs no escaping in a URL."""
    cursor = replace(CURSOR, epoch=epoch, seq=seq)
    text = write_cursor(SECRET, cursor)
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")
    assert read(text, epoch=epoch, head=seq) == cursor


@given(st.integers(0, len(TEXT) - 1), st.sampled_from("AZaz09-_.~ é"))
def test_a_damaged_cursor_is_noticed(place: int, letter: str) -> None:
    """One letter changed, dropped or added anywhere is refused as unreadable; only spare bits may differ unseen."""
    others = [
        TEXT[:place] + letter + TEXT[place + 1 :],
        TEXT[:place] + TEXT[place + 1 :],
        TEXT[:place] + letter + TEXT[place:],
    ]
    for other in others:
        assert outcome(other) in ("unreadable", CURSOR)


def outcome(text: str) -> Cursor | str:
    """The cursor, or why it is refused."""
    try:
        return read(text)
    except CursorRefused as error:
        return error.reason


@given(st.text())
def test_any_other_text_is_unreadable(text: str) -> None:
    """What never was a cursor is refused, whatever it is."""
    assert refused(text) == "unreadable"


def test_a_cursor_of_another_store_is_unreadable() -> None:
    """A cursor signed with another secret is not believed, and neither is one signed for another purpose."""
    assert refused(TEXT, secret="other") == "unreadable"
    for forged in (["epoch1", "app_waves", 7, CURSOR.request], {"epoch": 1}, [1], 5, None):
        assert refused(str(URLSafeSerializer(SECRET, salt="link").dumps(forged))) == "unreadable"
    for odd in ([1], [], {"epoch": 1}, 5, None):
        assert refused(str(URLSafeSerializer(SECRET, salt="cursor").dumps(odd))) == "unreadable"


def test_each_mismatch_has_its_reason() -> None:
    """Epoch, app, filters and a seq beyond the head are told apart."""
    assert refused(TEXT, epoch="epoch2") == "epoch"
    assert refused(TEXT, head=6) == "ahead"
    assert refused(TEXT, replace(REQUEST, app="app_tides")) == "app"
    assert refused(TEXT, replace(REQUEST, filters=Filters(("a",), ("1",)))) == "request"
    assert refused(TEXT, replace(REQUEST, filters=Filters(("a", "1"), ("b",)))) == "request"
    assert refused(TEXT, replace(REQUEST, filters=Filters())) == "request"


def test_what_does_not_change_the_rows_does_not_end_a_chain() -> None:
    """Order of filters, columns and the end of the window may differ from one increment to the next."""
    later = replace(
        REQUEST,
        filters=Filters(("b", "a"), ("1",)),
        columns=("id",),
        window=Window("available", None, 99),
        after=TEXT,
    )
    assert read(TEXT, later) == CURSOR
