"""JSON texts of senders, kept as they came wherever that is safe."""

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

_T = TypeVar("_T")
_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\r\n]+\s*')


_SURROGATES = re.compile(
    rb"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|(?P<lone>\\u[dD][89a-fA-F]..)|\\.", re.DOTALL
)  # any other escape is passed over whole: a backslash that is itself escaped begins none
_KEYS = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{}:]', re.DOTALL)
_STRUCTURE = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{},]', re.DOTALL)
_CLOSE = {b"{": b"}", b"[": b"]"}


def single_line(text: bytes) -> bytes:
    """A JSON text without line breaks between its tokens, which would break line formats; nothing else changes."""
    if b"\n" not in text and b"\r" not in text:
        return text
    return _TOKENS.sub(lambda match: match[0] if match[0].startswith(b'"') else b"", text)


def decode_cut(decode: Callable[[bytes], _T], text: bytes) -> _T:
    r"""Decode a JSON text, if need be with U+FFFD for each half of a surrogate pair that stands alone, as ``\ud83d``:
    scripts that cut texts in two write such, and a decoder refuses all of the body for it.
    """
    try:
        return decode(text)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        return decode(_SURROGATES.sub(lambda match: rb"\ufffd" if match["lone"] else match[0], text))


def depth(text: bytes) -> int:
    """How deeply a JSON text is nested; 0 for a scalar."""
    deepest = level = 0
    for match in _STRUCTURE.finditer(text):
        if match[0] in _CLOSE:
            level += 1
            deepest = max(deepest, level)
        elif match[0] in b"]}":
            level -= 1
    return deepest


def widest(text: bytes) -> int:
    """How many keys the largest object of a JSON text has, at any level; a key that stands twice counts twice."""
    most = 0
    counts = [0]  # keys of each object or array that is open here
    for match in _KEYS.finditer(text):
        token = match[0]
        if token == b":":
            counts[-1] += 1
            most = max(most, counts[-1])
        elif token in _CLOSE:
            counts.append(0)
        elif token in b"]}" and len(counts) > 1:
            counts.pop()
    return most


def split_batch(text: bytes, name: str = "batch") -> tuple[bytes, list[bytes]]:
    """An object's text with its array `name` emptied, and the elements of that array, not looked into.

    For a body in which some record is broken: it must not spoil the others.

    Raises:
        ValueError: brackets do not match, or there is no such array.
    """
    elements: list[bytes] = []
    close = bytearray()  # what must still close, the innermost last
    wanted = f'"{name}"'.encode()
    key, begin, start, end = b"", -1, -1, -1
    for match in _STRUCTURE.finditer(text):
        token = match[0]
        if token in _CLOSE:
            close += _CLOSE[token]
            if close == b"}]" and key == wanted and begin < 0:
                begin = start = match.end()
        elif token in b"]}":
            if close[-1:] != token:
                raise ValueError("brackets do not match")
            close.pop()
            if len(close) == 1 and begin >= 0 and end < 0:
                end = match.start()
                elements.append(text[start:end].strip())
        elif len(close) == 2 and token == b"," and begin >= 0 and end < 0:
            elements.append(text[start : match.start()].strip())
            start = match.end()
        elif len(close) == 1 and token != b",":
            key = token
    if close or end < 0 or b"" in elements:
        raise ValueError(f"brackets do not match, or there is no {name}")
    return text[:begin] + text[end:], elements


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


def object_texts(raws: Sequence[msgspec.Raw]) -> Sequence[str | None]:
    """JSON objects as texts, None where there is none. Raises as `object_text` does."""
    texts = [str(raw, "utf-8") or None for raw in raws]
    whole = "".join(filter(None, texts))
    usual = {text[0] for text in texts if text} <= {"{"} and "\n" not in whole and "\r" not in whole
    return texts if usual else [object_text(raw) for raw in raws]
