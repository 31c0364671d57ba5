"""The script for web pages: read from beside this module once, and answered as it is, or packed."""

import gzip
from functools import cache
from hashlib import sha256
from pathlib import Path

from tailrace.ingest.protocols.base import Answer, Sent

_FILE = Path(__file__).with_name("tailrace.min.js")  # made from tailrace.js by scripts/minify
# A new release reaches browsers within an hour. Pages that isolate themselves may load it too.
_HEADERS = {
    "cache-control": "public, max-age=3600",
    "vary": "accept-encoding",
    "cross-origin-resource-policy": "cross-origin",
    "x-content-type-options": "nosniff",
}


def script(sent: Sent) -> Answer:
    """The script, or 304 for who has it."""
    packed = "gzip" in sent.headers.get("accept-encoding", "")
    body, tag = _form(packed)
    headers = _HEADERS | {"etag": tag} | ({"content-encoding": "gzip"} if packed else {})
    if tag in sent.headers.get("if-none-match", ""):
        return Answer(304, headers=headers, media_type="text/javascript")
    return Answer(200, body, "text/javascript", headers)


@cache
def _form(packed: bool) -> tuple[bytes, str]:
    """The script's bytes, plain or in gzip, and their entity tag: each form has one of its own."""
    plain = _FILE.read_bytes()
    body = gzip.compress(plain, mtime=0) if packed else plain
    return body, f'"{sha256(body).hexdigest()[:32]}"'
