"""Opening files: requests for files that come close together are answered by one trip to the database."""

from functools import partial
from typing import Any, TypeVar, cast

from starlette.requests import Request

from tailrace.db.engine import Database
from tailrace.exports.downloads import Opening, open_files
from tailrace.web.together import Together

Answer = TypeVar("Answer")


class Opener:
    """Two lanes: whoever goes on with a download does not wait for the disk that takes note of those that begin."""

    def __init__(self, database: Database) -> None:
        ask = partial(open_files, database)
        self._beginning: Together[Opening[Any], Any] = Together(ask)
        self._others: Together[Opening[Any], Any] = Together(ask)

    async def answer(self, request: Request, opening: Opening[Answer]) -> Answer:
        """The answer to a request for a file. Raises what its judge raised."""
        lane = self._beginning if _may_begin(request) else self._others
        found = await lane.answer(opening)
        if isinstance(found, Exception):
            raise found
        return cast("Answer", found)


def _may_begin(request: Request) -> bool:
    """Whether byte 0 may be sent. Only how long others wait hangs on it."""
    headers = request.headers
    from_0 = headers.get("range", "bytes=0-").startswith("bytes=0-")
    return request.method == "GET" and from_0 and "if-none-match" not in headers
