"""Snippets tell SDKs where to send, and with which key."""

from tailrace.ingest.protocols import PROTOCOLS
from tailrace.ingest.protocols.snippets import snippets


def test_every_snippet_has_server_and_key() -> None:
    """Each names the server and the write key that it was made for, is of a protocol that there is, and each protocol
    has one; nothing is left to fill in.
    """
    made = snippets("https://events.example", "wk_mine")
    assert {one.protocol for one in made} == {"", *PROTOCOLS}
    for one in made:
        assert "https://events.example" in one.text, one.title
        assert "wk_mine" in one.text, one.title
        assert not [rest for rest in ("{base}", "{key}") if rest in one.text], one.title
