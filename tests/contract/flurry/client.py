"""A client of Flurry's Data Download, written from its vendor's document alone: urllib, gzip, and no code of ours.

It asks for a period in one format, polls until it has a link, fetches the file and reads it. Against a running demo:

    python3 tests/contract/flurry/client.py URL tok_demo DEMOPUZZLE0000000000 1767225600000 1769817600000
"""

import csv
import gzip
import io
import json
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

Row = dict[str, Any]

FIELDS = (
    *("sessionTimestamp", "appVersion", "sessionDuration", "eventOffset", "deviceIdentifiers", "deviceModel"),
    *("deviceSubModel", "countryISO", "eventName", "eventParameters", "userId", "gender", "birthYear"),
    *("latitude", "longitude", "sessionProperties"),
)
OBJECTS = ("deviceIdentifiers", "eventParameters", "sessionProperties")
NUMBERS = ("sessionTimestamp", "sessionDuration", "eventOffset", "birthYear", "latitude", "longitude")


@dataclass(frozen=True)
class Answer:
    """What a server said."""

    status: int
    headers: Any
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Client:
    """A server, a programmatic token, and the key of an app."""

    url: str
    token: str
    api_key: str
    deadline_s: float = 60

    def request(self, start: Any, end: Any, output_format: str = "JSON", **more: Any) -> Answer:
        """Ask for a period, in milliseconds."""
        attributes = {"startTime": start, "endTime": end, "outputFormat": output_format, "apiKey": self.api_key} | more
        body = json.dumps({"data": {"type": "rawData", "attributes": attributes}}).encode()
        return self.send("POST", f"{self.url}/pulse/v1/rawData", body)

    def status(self, request_id: str) -> Answer:
        """Where a request stands."""
        return self.send("GET", f"{self.url}/pulse/v1/rawData/{request_id}?fields[rawData]=requestStatus,s3URI")

    def wait(self, request_id: str) -> str:
        """Poll until a request has a link."""
        until = time.monotonic() + self.deadline_s
        while (attributes := self.status(request_id).document["data"]["attributes"])["requestStatus"] != "Success":
            assert attributes["requestStatus"] == "Acknowledged", attributes
            assert time.monotonic() < until, attributes
            time.sleep(0.05)
        return str(attributes["s3URI"])

    def download(self, uri: str) -> bytes:
        """The file of a link, unpacked; no token is sent."""
        answer = send("GET", uri, {})
        assert answer.status == 200, answer.body
        assert "content-encoding" not in {name.lower() for name in answer.headers}
        return gzip.decompress(answer.body)

    def fetch(self, start: Any, end: Any, output_format: str = "JSON", **more: Any) -> list[Row]:
        """The whole flow: the rows of a period."""
        asked = self.request(start, end, output_format, **more)
        assert asked.status == 201, asked.body
        return READERS[output_format](self.download(self.wait(asked.document["data"]["id"])))

    def values(self, dimension: str) -> list[Row]:
        """What the reporting API knows of one dimension (`app`, `appVersion`, `event`), ids among it."""
        answer = self.send("GET", f"{self.url}/public/v1/dimensions/{dimension}/values")
        assert answer.status == 200, answer.body
        rows: list[Row] = answer.document["rows"]
        return rows

    def send(self, method: str, url: str, body: bytes | None = None) -> Answer:
        """One request with the headers that the document shows."""
        kind = "application/vnd.api+json"
        headers = {"Authorization": f"Bearer {self.token}", "Accept": kind, "Content-Type": kind}
        return send(method, url, headers, body)


def send(method: str, url: str, headers: dict[str, str], body: bytes | None = None) -> Answer:
    """One request."""
    request = urllib.request.Request(url, body, headers, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read())


def read_json(data: bytes) -> list[Row]:
    """An object per line."""
    return [json.loads(line) for line in data.decode().splitlines()]


def read_csv(data: bytes) -> list[Row]:
    """A header line and a line per row; an empty cell is no value, objects are JSON."""
    return [_typed(row) for row in csv.DictReader(io.StringIO(data.decode(), newline=""))]


def read_xml(data: bytes) -> list[Row]:
    """An element per row; an empty one is no value, objects are lists of entries."""
    root = ElementTree.fromstring(data)  # noqa: S314
    assert root.tag == "events"
    return [_typed({child.tag: _content(child) for child in event}) for event in root]


def read_error(data: bytes) -> ElementTree.Element:
    """What a storage says."""
    return ElementTree.fromstring(data)  # noqa: S314


READERS = {"JSON": read_json, "CSV": read_csv, "XML": read_xml}


def _content(element: ElementTree.Element) -> Any:
    if element.tag in OBJECTS:
        return json.dumps({entry.attrib["key"]: entry.text or "" for entry in element})
    return element.text or ""


def _typed(row: Row) -> Row:
    return {name: _value(name, text) for name, text in row.items()}


def _value(name: str, text: str) -> Any:
    if name in OBJECTS:
        return json.loads(text)
    if not text:
        return None
    return json.loads(text) if name in NUMBERS else text


if __name__ == "__main__":
    url, token, api_key, start, end = sys.argv[1:]
    for chosen in READERS:
        rows = Client(url, token, api_key).fetch(start, end, chosen)
        sys.stdout.write(f"{chosen}: {len(rows)} rows, first {rows[:1]}\n")
