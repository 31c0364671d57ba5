"""A client of FullStory's Data Export, written from its vendor's document alone: urllib, gzip, and no code of ours.

It lists the bundles that end after a timestamp, fetches each, and goes on from the last one's end. Against a server:

    python3 tests/contract/fullstory/client.py URL KEY 0
"""

import gzip
import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]
TRIES = 200


@dataclass(frozen=True)
class Answer:
    """What a server said."""

    status: int
    headers: Any
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


@dataclass
class Client:
    """A server and an API key; `last` is the end of the bundle that was fetched last."""

    url: str
    key: str
    last: int = 0
    pause_s: float = 0.05
    seen: list[int] = field(default_factory=list)

    def follow(self) -> Iterator[tuple[Row, list[Row]]]:
        """Each bundle that is new, and its events: the loop of the document."""
        while bundles := self.listed(self.last):
            for bundle in bundles:
                yield bundle, self.events(bundle["Id"])
                self.last = bundle["Stop"]
                self.seen.append(bundle["ID"])

    def listed(self, start: int) -> list[Row]:
        """The first bundles that end after a timestamp."""
        found: list[Row] = self.insist("list", start=start).document["exports"]
        return found

    def events(self, bundle: int) -> list[Row]:
        """The events of a bundle: a gzip file with a JSON array."""
        answer = self.insist("get", id=bundle)
        assert answer.headers["content-type"] == "application/gzip"
        assert answer.headers["content-disposition"] == 'attachment; filename="DataExport.json.gz"'
        found: list[Row] = json.loads(gzip.decompress(answer.body))
        return found

    def insist(self, what: str, **parameters: int) -> Answer:
        """Ask until there is an answer: 503 is a transient error, 429 says for how long to wait."""
        for _ in range(TRIES):
            answer = self.get(what, **parameters)
            if answer.status == 200:
                return answer
            assert answer.status in (429, 503), answer.body
            time.sleep(min(self.pause_s, int(answer.headers["retry-after"])))
        raise AssertionError(answer.body)

    def get(self, what: str, **parameters: Any) -> Answer:
        """One request with the parameters in its query."""
        return self.send("GET", f"{what}?{urllib.parse.urlencode(parameters)}")

    def post(self, what: str, **parameters: Any) -> Answer:
        """One request with the parameters in its body."""
        return self.send("POST", what, json.dumps(parameters).encode())

    def send(self, method: str, path: str, body: bytes | None = None, /, **headers: str) -> Answer:
        """One request, with the headers that the document shows and no others but those that are given."""
        url = f"{self.url}/api/v1/export/{path}"
        known = {"Authorization": f"Basic {self.key}"} if self.key else {}
        request = urllib.request.Request(url, body, known | headers, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers, error.read())


def main(url: str, key: str, start: str) -> None:
    """Print each event."""
    for _, events in Client(url.rstrip("/"), key, int(start), pause_s=30).follow():
        for event in events:
            print(json.dumps(event))


if __name__ == "__main__":
    main(*sys.argv[1:])
