"""A client of devtodev's RAW export, written from its vendor's document alone: urllib, zip, csv, and no code of ours.

It sets a job, polls until the job is complete, fetches the archive and reads it. Against a running demo:

    python3 tests/contract/devtodev/client.py URL USER_API_TOKEN APP_ID 1767225600 1769817600
"""

import csv
import io
import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from dataclasses import dataclass
from typing import Any

Row = dict[str, str]
Files = dict[str, list[Row]]
BASE = "/api/v1/rawexport"


@dataclass(frozen=True)
class Answer:
    """What a server said."""

    status: int
    headers: Any
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, int, str]:
        """Status, code and text of an error, whose document has the documented form."""
        assert set(self.document) == {"status_code", "errors"}, self.document
        assert self.document["status_code"] == self.status
        (error,) = self.document["errors"]
        assert set(error) == {"code", "msg"}
        return self.status, error["code"], error["msg"]


@dataclass(frozen=True)
class Client:
    """A server, the API token of a user, and an app."""

    url: str
    token: str
    app_id: str
    deadline_s: float = 60

    def set_job(self, start: float, end: float, events: Any = None, **more: Any) -> Answer:
        """Ask for a stretch of time, in seconds; the token goes with the URL."""
        fields = {"app_id": self.app_id, "start_date": start, "end_date": end} | more
        return self.post("setjob", fields if events is None else fields | {"events": events})

    def progress(self, job_id: str) -> Answer:
        """Where a job stands."""
        return self.post("getprogress", {"job_id": job_id})

    def wait(self, job_id: str) -> dict[str, Any]:
        """Poll until a job is complete: its result."""
        until = time.monotonic() + self.deadline_s
        while True:
            answer = self.progress(job_id)
            assert answer.document["status_code"] == answer.status, answer.document
            data = answer.document["data"]
            if data["status"] == "complete":
                found: dict[str, Any] = data["result"]
                return found
            assert (answer.status, data["status"]) in ((202, "pending"), (200, "running")), answer.document
            assert 0 <= data["percent_complete"] < 100
            assert time.monotonic() < until, answer.document
            time.sleep(0.02)

    def fetch(self, start: float, end: float, events: Any = None) -> Files | None:
        """The whole flow: the rows of each file by its name, None where there are none."""
        asked = self.set_job(start, end, events)
        assert asked.status == 200, asked.body
        result = self.wait(asked.document["data"])
        return read(send("GET", result["url"]).body) if "url" in result else None

    def post(self, call: str, fields: Any, *, query: bool = True) -> Answer:
        """One request with a JSON body."""
        return self.raw(call, json.dumps(fields).encode(), query=query)

    def raw(self, call: str, body: bytes, *, query: bool = True, kind: str | None = None) -> Answer:
        """One request with any body; without a `kind` it has no content type."""
        place = f"{self.url}{BASE}/{call}" + (f"?{urllib.parse.urlencode({'user_token': self.token})}" if query else "")
        return send("POST", place, body, {} if kind is None else {"Content-Type": kind})

    def link(self, job_id: str) -> str:
        """Where a report lies, as the document has it."""
        return f"{self.url}{BASE}/download/?" + urllib.parse.urlencode({"job_id": job_id, "user_token": self.token})


class _Bare(urllib.request.HTTPHandler):
    """A handler that adds no content type, as clients do that are no browsers."""

    def http_request(self, request: urllib.request.Request) -> urllib.request.Request:
        has = request.has_header("Content-type")
        made = super().http_request(request)
        if not has:
            made.unredirected_hdrs.pop("Content-type", None)
        return made


_OPENER = urllib.request.build_opener(_Bare)


def send(method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
    """One request."""
    request = urllib.request.Request(url, body, headers or {}, method=method)  # noqa: S310
    try:
        with _OPENER.open(request, timeout=60) as answer:
            return Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read())


def read(data: bytes) -> Files:
    """The rows of each CSV file of an archive, by the file's name without its end."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {
            name.removesuffix(".csv"): list(csv.DictReader(io.StringIO(archive.read(name).decode(), newline="")))
            for name in archive.namelist()
        }


if __name__ == "__main__":
    url, token, app_id, start, end = sys.argv[1:]
    files = Client(url, token, app_id).fetch(int(start), int(end)) or {}
    for name, rows in files.items():
        sys.stdout.write(f"{name}: {len(rows)} rows, first {rows[:1]}\n")
