"""A client of Leanplum's exportData, written from its vendor's document alone: urllib, json, csv, and no code of ours.

It asks for sessions of some days, polls until the job has ended, fetches the files and reads them. Against a demo:

    python3 tests/contract/leanplum/client.py URL APP_ID EXPORT_KEY YYYYMMDD YYYYMMDD
"""

import csv
import io
import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]
FINAL = ("FINISHED", "FAILED")

CSV_COLUMNS: Mapping[str, str] = {
    "sessions": "sessionId,userId,userBucket,userStart,country,region,city,start,duration,lat,lon,locale,timezone,"
    "timezoneOffset,appVersion,client,sdkVersion,osName,osVersion,deviceModel,browserName,browserVersion,deviceId,"
    "priorEvents,priorSessions,priorTimeSpentInApp,priorStates,isDeveloper,isSession,sourcePublisherId,sourcePublisher,"
    "sourceSubPublisher,sourceSite,sourceCampaign,sourceAdGroup,sourceAd",
    "states": "stateId,sessionId,stateName,start,duration,info,timeUntilFirstForUser",
    "events": "eventId,stateId,sessionId,eventName,start,value,info,timeUntilFirstForUser",
    "eventparameters": "eventId,name,value",
    "userattributes": "sessionId,name,value",
    "experiments": "experimentId,sessionId,variantId",
}


@dataclass(frozen=True)
class Answer:
    """What a server said."""

    status: int
    headers: Any
    body: bytes

    @property
    def first(self) -> Row:
        """The one element of the response."""
        (element,) = json.loads(self.body)["response"]
        found: Row = element
        return found

    @property
    def message(self) -> str:
        """Why it was refused."""
        assert self.first["success"] is False
        found: str = self.first["error"]["message"]
        return found


@dataclass(frozen=True)
class Client:
    """A server, the id of an app and its export key. Between two looks at a job it calls `pause`."""

    url: str
    app: str
    key: str
    deadline_s: float = 60
    pause: Callable[[], object] = lambda: time.sleep(0.02)

    def call(self, action: str, **arguments: Any) -> Answer:
        """A GET with all arguments in the query."""
        return send("GET", f"{self.url}/api?{urllib.parse.urlencode(self.arguments(action) | arguments)}")

    def arguments(self, action: str) -> Row:
        """What every call has."""
        return {"appId": self.app, "clientKey": self.key, "apiVersion": "1.0.6", "action": action}

    def export(self, start: str, end: str | None = None, **more: Any) -> str:
        """Ask for sessions that began on some days (YYYYmmdd, Pacific); the id of the job."""
        answer = self.call("exportData", startDate=start, **({} if end is None else {"endDate": end}), **more)
        assert (answer.status, answer.first["success"]) == (200, True), answer.body
        job: str = answer.first["jobId"]
        return job

    def results(self, job: str) -> Row:
        """How a job stands."""
        answer = self.call("getExportResults", jobId=job)
        assert (answer.status, answer.first["success"], answer.first["jobId"]) == (200, True, job), answer.body
        return answer.first

    def wait(self, job: str) -> Row:
        """Poll until a job has ended, well."""
        until = time.monotonic() + self.deadline_s
        while (found := self.results(job))["state"] not in FINAL:
            assert found["state"] in ("PENDING", "RUNNING"), found
            assert time.monotonic() < until, found
            self.pause()
        assert found["state"] == "FINISHED", found
        return found

    def fetch(self, start: str, end: str | None = None, **more: Any) -> list[Row]:
        """The whole flow in JSON: sessions. No data is no sessions."""
        answer = self.call("exportData", startDate=start, endDate=end or start, **more)
        if answer.status == 404:
            assert answer.message == "No matching data found."
            return []
        return list(sessions(self.wait(answer.first["jobId"])))

    def tables(self, start: str, end: str | None = None, **more: Any) -> dict[str, list[Row]]:
        """The whole flow in CSV: rows by table."""
        return tables(self.wait(self.export(start, end, exportFormat="csv", **more)))


def sessions(finished: Row) -> Iterator[Row]:
    """A session per line of each file."""
    for url in finished["files"]:
        for line in file(url).splitlines():
            yield json.loads(line)


def tables(finished: Row) -> dict[str, list[Row]]:
    """Rows of each table; every file of one has its header."""
    found: dict[str, list[Row]] = {}
    for url in finished["files"]:
        name = url.rpartition("/")[2].rpartition("output")[2].partition("-")[0]
        read = csv.DictReader(io.StringIO(file(url).decode(), newline=""))
        found.setdefault(name, []).extend(read)
        assert ",".join(read.fieldnames or ()) == CSV_COLUMNS[name]
    assert set(found) == set(CSV_COLUMNS)
    return found


def file(url: str) -> bytes:
    """A file, without credentials."""
    answer = send("GET", url)
    assert answer.status == 200, answer.body
    return answer.body


def events(session: Row) -> Sequence[Row]:
    """All events of a session, in whichever state they are."""
    return [event for state in session["states"] for event in state["events"]]


def send(method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    """One request."""
    request = urllib.request.Request(url, body, dict(headers or {}), method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read())


if __name__ == "__main__":
    url, app, key, first, last = sys.argv[1:]
    client = Client(url, app, key)
    shown = client.fetch(first, last)
    sys.stdout.write(f"json: {len(shown)} sessions, first {shown[:1]}\n")
    for table, rows in client.tables(first, last).items():
        sys.stdout.write(f"csv: {table}: {len(rows)} rows, first {rows[:1]}\n")
