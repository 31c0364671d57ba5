"""Downloads: an object as it lies in the store."""

import asyncio
from pathlib import Path

from starlette.responses import Response, StreamingResponse

from tailrace.files.local import LocalFiles
from tailrace.web.downloads import download

CONTENT = bytes(range(256)) * 10_000


def response(tmp_path: Path, *, head: bool) -> Response:
    """The answer to a GET or HEAD of one object."""
    files = LocalFiles(tmp_path)
    with files.create("acme/app/x.gz") as file:
        file.write(CONTENT)
    return download(
        files, "acme/app/x.gz", size=len(CONTENT), name="x.gz", media_type="application/gzip", sha256="ab", head=head
    )


def test_the_bytes_are_those_of_the_object(tmp_path: Path) -> None:
    """The body is the object, in chunks."""
    found = response(tmp_path, head=False)
    assert isinstance(found, StreamingResponse)

    async def body() -> list[bytes]:
        return [bytes(chunk) async for chunk in found.body_iterator if not isinstance(chunk, str)]

    chunks = asyncio.run(body())
    assert b"".join(chunks) == CONTENT
    assert len(chunks) > 1, "an object is never read as a whole"


def test_the_headers_say_what_it_is(tmp_path: Path) -> None:
    """Type, length and hash are said, no encoding is, and HEAD says the same without a body."""
    get, head = response(tmp_path, head=False), response(tmp_path, head=True)
    assert dict(get.headers) == {
        "content-length": str(len(CONTENT)),
        "content-disposition": 'attachment; filename="x.gz"',
        "etag": '"ab"',
        "cache-control": "private, no-transform",
        "content-type": "application/gzip",
    }
    assert dict(head.headers) == dict(get.headers)
    assert head.body == b""
