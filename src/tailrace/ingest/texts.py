"""JSON texts of senders, kept as they came wherever that is safe."""

import re

import msgspec

_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\r\n]+\s*')


def single_line(text: bytes) -> bytes:
    """A JSON text without line breaks between its tokens, which would break line formats; nothing else changes."""
    if b"\n" not in text and b"\r" not in text:
        return text
    return _TOKENS.sub(lambda match: match[0] if match[0].startswith(b'"') else b"", text)


def object_text(raw: msgspec.Raw) -> str | None:
    """A JSON object as text; None where there is none.

    Raises:
        ValueError: it is another JSON value, or not UTF-8.
    """
    text = bytes(raw)
    if not text or text == b"null":
        return None
    if not text.startswith(b"{"):
        raise ValueError("must be an object")
    return single_line(text).decode()
