"""Why a record could not be read, in the words of a dead letter."""

import re

import msgspec

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def reason_of(error: Exception, raw: bytes) -> str:
    """One sentence for a dead letter."""
    if isinstance(error, msgspec.DecodeError) and "truncated" in str(error) and _SURROGATE.search(raw):
        return "holds half of a surrogate pair (\\ud800 to \\udfff alone), which is not text"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    return str(error)
