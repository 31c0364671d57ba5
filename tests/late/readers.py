"""Clients that want each event once: one for each surface, by the recipe that the surface gives its clients."""

import csv
import gzip
import io
import json
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Protocol

import httpx

from tailrace.accounts.defaults import set_default_apps
from tailrace.accounts.limits import set_limits
from tailrace.accounts.lookup import scope_of_app
from tailrace.model.clock import DAY, iso
from tests.crash.checks import rows_of
from tests.crash.worlds import Tenant, World

API_KEY = "WAVESAPIKEY0000000001"
LONGEST = 30 * DAY  # of a window


class Reader(Protocol):
    """A client of one surface, made before the first event. One that `lags` sees what is new a day later at most."""

    lags: bool

    def read(self) -> Counter[int]:
        """All that is new since it read last: the marker `n` of each event, as often as the surface shows it."""


class ByCursor:
    """Increments: each goes on where the last one ended."""

    lags = False

    def __init__(self, world: World, tenant: Tenant, **asked: Any) -> None:
        self._world = world
        self._tenant = tenant
        self._asked = {"window": {"axis": "available"}} | asked

    def read(self) -> Counter[int]:
        """The next increment."""
        export = self._world.ask(self._tenant, **self._asked)
        self._asked["after"] = _end(self._world, self._tenant, export)["cursor"]
        return _markers(self._world, self._tenant, export)


class ByClock:
    """Windows of availability in clock time: each begins where the last one ended."""

    lags = False

    def __init__(self, world: World, tenant: Tenant) -> None:
        self._world = world
        self._tenant = tenant
        self._upto = world.now

    def read(self) -> Counter[int]:
        """The window that ends now."""
        begin, self._upto = self._upto, self._world.now
        window = {"axis": "available", "from": iso(begin), "to": iso(self._upto)}
        export = self._world.ask(self._tenant, window=window)
        _end(self._world, self._tenant, export)
        return _markers(self._world, self._tenant, export)


class ByStart:
    """Windows of the session's start, all of them each time: late events are in the windows of their sessions."""

    lags = False

    def __init__(self, world: World, tenant: Tenant) -> None:
        self._world = world
        self._tenant = tenant
        self._from = world.now - 60 * DAY
        self._seen: Counter[int] = Counter()

    def read(self) -> Counter[int]:
        """What was in none of the windows when they were read last; what was there must be there still."""
        starts = range(self._from, self._world.now + DAY, LONGEST)
        whole = sum((self._window(start, start + LONGEST) for start in starts), Counter())
        assert not self._seen - whole
        new, self._seen = whole - self._seen, whole
        return new

    def _window(self, start: int, end: int) -> Counter[int]:
        request = self._asked({"startTime": start, "endTime": end, "outputFormat": "JSON", "apiKey": API_KEY})
        path = f"/pulse/v1/rawData/{request}?fields[rawData]=requestStatus,s3URI"
        uri = self._world.until("the file is there", lambda: self._link(path))
        rows = gzip.decompress(self._world.get(self._tenant, uri or "").content).splitlines()
        return Counter(int(json.loads(row)["eventParameters"]["n"]) for row in rows)

    def _asked(self, attributes: dict[str, Any]) -> str:
        def taken() -> str | None:
            body = {"data": {"type": "rawData", "attributes": attributes}}
            answer = self._world.http.post("/pulse/v1/rawData", json=body, headers=self._tenant.read)
            if answer.status_code >= 500:
                return None
            assert answer.status_code == 201, answer.text
            return str(answer.json()["data"]["id"])

        return self._world.until("a request is taken", taken) or ""

    def _link(self, path: str) -> str | None:
        attributes: dict[str, str | None] = self._world.get(self._tenant, path).json()["data"]["attributes"]
        assert attributes["requestStatus"] in ("Acknowledged", "Success"), attributes
        return attributes.get("s3URI")


class ByRecipe:
    """Windows of availability in seconds, each from where the last one ended, of sessions as old as may be."""

    lags = False

    def __init__(self, world: World, _tenant: Tenant, **more: Any) -> None:
        self._world = world
        self._upto = world.now // 1000
        self._more = more

    def read(self) -> Counter[int]:
        """What became available since; the events of all sessions, whole ones and parts."""
        begin, self._upto = self._upto, self._world.now // 1000 + 1  # when the second of the last seal is over
        first, last = (self._world.now + days * DAY for days in (-59, 2))
        asked = {"startDate": _day(first), "endDate": _day(last), "startTime": begin, "endTime": self._upto}
        made = self._call("exportData", **asked, **self._more)
        if made["success"] is False:
            assert made["error"] == {"message": "No matching data found."}
            return Counter()
        done = self._world.until("the files are there", lambda: self._finished(made["jobId"])) or {}
        lines = [line for data in self._files(done) for line in data.splitlines()]
        states = (state for line in lines for state in json.loads(line)["states"])
        return Counter(event["parameters"]["n"] for state in states for event in state["events"])

    def _files(self, done: Mapping[str, Any]) -> Iterable[bytes]:
        return map(self._file, done["files"])

    def _finished(self, job: str) -> dict[str, Any] | None:
        found = self._call("getExportResults", jobId=job)
        assert found["state"] in ("PENDING", "RUNNING", "FINISHED"), found
        return found if found["state"] == "FINISHED" else None

    def _file(self, url: str) -> bytes:
        def sent() -> httpx.Response | None:
            answer = self._world.http.get(url)
            return answer if answer.status_code == 200 else None

        found = self._world.until("a file is sent", sent)
        assert found is not None
        return found.content

    def _call(self, action: str, **more: Any) -> dict[str, Any]:
        known = {"appId": "app_waves", "clientKey": "ek_waves", "action": action}

        def answered() -> dict[str, Any] | None:
            answer = self._world.http.get("/api", params=known | more)
            found: dict[str, Any] | None = None if answer.status_code >= 500 else answer.json()["response"][0]
            return found

        return self._world.until(f"{action} is answered", answered) or {}


def _day(instant: int) -> str:
    return iso(instant)[:10].replace("-", "")


class ByReport:
    """One window of the events' own time that holds everything, each time: late events are in it as soon as others."""

    lags = False

    def __init__(self, world: World, tenant: Tenant) -> None:
        self._world = world
        self._tenant = tenant
        self._from = world.now - 60 * DAY
        self._seen: Counter[int] = Counter()
        _set_limits(world, **{"devtodev.max_age_days": 0})  # the window becomes longer than the document allows

    def read(self) -> Counter[int]:
        """What the report did not hold when it was read last; what it held must be there still."""
        job = self._world.until("a job is taken", self._set_job) or ""
        link = self._world.until("the report is there", lambda: self._link(job)) or ""
        with zipfile.ZipFile(io.BytesIO(self._world.get(self._tenant, link).content)) as report:
            rows = csv.DictReader(io.StringIO(report.read("e.csv").decode(), newline=""))
            whole = Counter(int(row["n"]) for row in rows)
        assert not self._seen - whole
        new, self._seen = whole - self._seen, whole
        return new

    def _set_job(self) -> str | None:
        window = {"start_date": self._from // 1000, "end_date": (self._world.now + 2 * DAY) // 1000}
        answer = self._post("setjob", window | {"app_id": self._tenant.app, "events": ["e"]})
        return None if answer is None else str(answer)

    def _link(self, job: str) -> str | None:
        answer = self._post("getprogress", {"job_id": job}) or {"status": ""}
        return str(answer["result"]["url"]) if answer["status"] == "complete" else None

    def _post(self, call: str, body: dict[str, Any]) -> Any:
        """The data of an answer; None to ask again: the server was away, or asked too soon after a lost answer."""
        answer = self._world.http.post(f"/api/v1/rawexport/{call}", json=body | {"user_token": self._tenant.token})
        if answer.status_code in (429, 500, 503):
            return None
        assert answer.status_code < 400, answer.text
        return answer.json()["data"]


class ByBundles:
    """Bundles: those that end after the one that was read last. They are of half an hour first, and of a day from the
    third step on.
    """

    lags = True

    def __init__(self, world: World, tenant: Tenant) -> None:
        self._world = world
        self._tenant = tenant
        self._last = 0
        self._reads = 0
        self._set(bundle_seconds=1800, settle_seconds=1800, history_days=0, burst=0)

    def read(self) -> Counter[int]:
        """All bundles that are new."""
        new: Counter[int] = Counter()
        while page := self._get(f"list?start={self._last}").json()["exports"]:
            for bundle in page:
                events = json.loads(gzip.decompress(self._get(f"get?id={bundle['ID']}").content))
                new.update(int(event["evt_n_real"]) for event in events)
                self._last = bundle["Stop"]
        self._reads += 1
        if self._reads == 2:
            self._set(bundle_seconds=86_400)
        return new

    def _get(self, path: str) -> Any:
        return self._world.get(self._tenant, f"/api/v1/export/{path}")

    def _set(self, **values: int) -> None:
        _set_limits(self._world, **{f"fullstory.{name}": value for name, value in values.items()})
        with self._world.house() as house, house.database.write() as connection:
            space = scope_of_app(house.database, self._tenant.app).space
            set_default_apps(connection, space, {"fullstory": "app_waves"})


def _set_limits(world: World, **values: int) -> None:
    with world.house() as house, house.database.write() as connection:
        set_limits(connection, values)


def _end(world: World, tenant: Tenant, export: str) -> dict[str, Any]:
    """The manifest of an export that must succeed."""
    (row,) = world.finished(export)
    assert row["state"] == "succeeded", world.told()
    return world.manifest(tenant, export)


def _markers(world: World, tenant: Tenant, export: str) -> Counter[int]:
    return Counter(seen.n for seen in rows_of(world, tenant, export).elements())


# A further surface adds a line.
SURFACES: Mapping[str, Callable[[World, Tenant], Reader]] = {
    "native by cursor": ByCursor,
    "native by cursor, sessions": partial(ByCursor, shape="sessions"),
    "native by clock": ByClock,
    "Data Download by tiled windows": ByStart,
    "exportData by its recipe": ByRecipe,
    "RAW export of everything": ByReport,
    "Data Export by bundles": ByBundles,
}
