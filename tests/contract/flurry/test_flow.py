"""The document's walk: ask, poll, fetch; in every format, with what was sent coming out."""

import http.client
import json
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from sqlalchemy import update

from tailrace.accounts.limits import set_limits
from tailrace.db.tables import exports
from tests.contract.flurry.client import FIELDS, READERS, send
from tests.contract.flurry.conftest import DAY, END, HOUR, START, World, seen

NASTY = 'a,"b"\r\n<c>&amp; \t\x01 {"d": [1]} é'


def fill(world: World) -> None:
    """A session of which all sixteen fields are known, and one of which little is."""
    about = {
        "app_version": "1.2", "country": "DE", "device_model": "Galaxy S9", "device_submodel": "SM-G892U",
        "latitude": 52.529, "longitude": -13.409, "device_ids": {"idfa": "AAAA"},
        "properties": {"theme": "dark", "n": 7},
    }  # fmt: skip
    record = {
        "id": "e1", "event": "Level, \"Up\"", "time": START + 5_000, "device_id": "d1", "session_id": "s1",
        "user_id": "u1",
        "params": {"level": 7, "nasty": NASTY, "deep": {"x": [1, "y"]}, "yes": True},
        "profile": {"gender": "female", "birth_year": 1990}, "session": about,
    }  # fmt: skip
    first = {"id": "e0", "event": "Start", "time": START, "device_id": "d1", "session_id": "s1"}
    bare = {"id": "e2", "event": "bare", "time": START + HOUR, "device_id": "d2", "session_id": "s2"}
    world.api.send(first, record, bare)
    world.api.seal()


LEVEL_UP = {
    "sessionTimestamp": START, "appVersion": "1.2", "sessionDuration": 5_000, "eventOffset": 5_000,
    "deviceIdentifiers": {"deviceId": "d1", "idfa": "AAAA"}, "deviceModel": "Galaxy S9", "deviceSubModel": "SM-G892U",
    "countryISO": "DE", "eventName": 'Level, "Up"',
    "eventParameters": {"level": "7", "nasty": NASTY, "deep": '{"x":[1,"y"]}', "yes": "true"},
    "userId": "u1", "gender": "female", "birthYear": 1990, "latitude": 52.52, "longitude": -13.4,
    "sessionProperties": {"theme": "dark", "n": "7"},
}  # fmt: skip
BARE = dict.fromkeys(FIELDS) | {
    "sessionTimestamp": START + HOUR, "sessionDuration": 0, "eventOffset": 0, "deviceIdentifiers": {"deviceId": "d2"},
    "eventName": "bare", "eventParameters": {}, "sessionProperties": {},
}  # fmt: skip


@pytest.mark.parametrize("output_format", READERS)
def test_the_whole_flow(world: World, output_format: str) -> None:
    """In each format the client gets a row per event with all sixteen fields in the document's order, and in them what
    was sent: numbers as numbers, parameters as texts, coordinates cut and not rounded, nothing where nothing was said.
    """
    fill(world)
    rows = {row["eventName"]: row for row in world.client.fetch(START, END, output_format)}
    assert [tuple(row) for row in rows.values()] == [FIELDS] * 3
    nasty = NASTY if output_format != "XML" else NASTY.replace("\x01", "\ufffd")
    parameters = LEVEL_UP["eventParameters"] | {"nasty": nasty}  # type: ignore[operator]
    found = rows['Level, "Up"']["eventParameters"]
    assert json.loads(found["deep"]) == {"x": [1, "y"]}
    assert rows['Level, "Up"'] == LEVEL_UP | {"eventParameters": parameters | {"deep": found["deep"]}}
    assert rows["bare"] == BARE
    assert rows["Start"] == LEVEL_UP | {
        "eventOffset": 0, "eventName": "Start", "eventParameters": {}
    }  # fmt: skip


def test_what_an_acknowledged_request_looks_like(world: World) -> None:
    """201, the resource with a text of digits as its id, `Acknowledged`, no link yet; the type of JSON:API."""
    answer = world.client.request(str(START), str(END))
    data = answer.document["data"]
    assert (answer.status, data["type"], data["attributes"]["requestStatus"]) == (201, "rawData", "Acknowledged")
    assert isinstance(data["id"], str)
    assert data["id"].isdigit()
    assert data["attributes"]["s3URI"] is None
    assert answer.headers["content-type"] == "application/vnd.api+json"


def test_sparse_fieldsets_raw_and_encoded(world: World) -> None:
    """`fields[rawData]` cuts the attributes down, written with brackets or percent signs; unknown names, other keys and
    a blank value change nothing.
    """
    number = world.client.request(START, END).document["data"]["id"]
    world.client.wait(number)
    for query, names in (
        ("?fields[rawData]=requestStatus,s3URI", {"requestStatus", "s3URI"}),
        ("?fields%5BrawData%5D=requestStatus%2Cs3URI", {"requestStatus", "s3URI"}),
        ("?fields[rawData]=requestStatus", {"requestStatus"}),
        ("?fields[rawData]=requestStatus,color&x=1&x=2", {"requestStatus"}),
        ("?fields[rawData]=", {"requestStatus", "s3URI"}),
        ("", {"requestStatus", "s3URI"}),
    ):
        assert set(raw_get(world, f"/pulse/v1/rawData/{number}{query}")["data"]["attributes"]) == names, query


def raw_get(world: World, target: str) -> dict[str, dict[str, dict[str, str]]]:
    """A GET whose target is sent as it is, with header names in lower case and none but the token."""
    connection = http.client.HTTPConnection(urlsplit(world.client.url).netloc, timeout=60)
    connection.putrequest("GET", target, skip_accept_encoding=True)
    connection.putheader("authorization", f"Bearer {world.client.token}")
    connection.endheaders()
    answer = connection.getresponse()
    found: dict[str, dict[str, dict[str, str]]] = json.loads(answer.read())
    connection.close()
    assert answer.status == 200
    return found


def test_an_empty_result_is_a_success(world: World) -> None:
    """Of a window without sessions there is a file all the same: empty, a header alone, or a root without children."""
    for output_format, text in (
        ("JSON", ""),
        ("CSV", ",".join(FIELDS) + "\r\n"),
        ("XML", '<?xml version="1.0" encoding="UTF-8"?>\n<events>\n</events>\n'),
    ):
        number = world.client.request(START - DAY, START, output_format).document["data"]["id"]
        assert world.client.download(world.client.wait(number)).decode() == text


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_what_has_no_result_is_a_failure(world: World, state: str) -> None:
    """A request whose export failed or was cancelled says `Failure` and has no link."""
    number = world.client.request(START, END).document["data"]["id"]
    world.client.wait(number)
    with world.api.house.database.write() as connection:
        connection.execute(update(exports).values(state=state, expires_at=None))
    attributes = world.client.status(number).document["data"]["attributes"]
    assert attributes == {"requestStatus": "Failure", "s3URI": None}


def test_a_hundred_requests_at_once(world: World) -> None:
    """A hundred requests that come together, with the limit of native exports far below, are all taken in, and each
    brings every row exactly once.
    """
    for n in range(20):
        world.session(f"d{n}", START + n * HOUR, ["a", "b", "c"])
    world.api.seal()
    with world.api.house.database.write() as connection:
        set_limits(connection, {"exports.max_running": 1})
    with ThreadPoolExecutor(16) as pool:
        asked = list(pool.map(lambda _: world.client.request(START, END), range(100)))
        assert {answer.status for answer in asked} == {201}
        numbers = [answer.document["data"]["id"] for answer in asked]
        assert len(set(numbers)) == 100
        files = list(pool.map(lambda number: world.client.download(world.client.wait(number)), numbers))
    wanted = world.expected(START, END)
    assert len(wanted) == 60
    assert all(seen(READERS["JSON"](data)) == wanted for data in files)


def test_any_headers_do(world: World) -> None:
    """No Content-Type, a wrong one, a strange Accept: nothing of that is looked at."""
    attributes = {"startTime": START, "endTime": END, "outputFormat": "JSON", "apiKey": world.client.api_key}
    body = json.dumps({"data": {"type": "rawData", "attributes": attributes}}).encode()
    token = {"authorization": f"Bearer {world.client.token}"}
    for headers in ({"content-type": "text/plain"}, {"accept": "image/png"}, {"cache-controll": "no-cache"}):
        answer = send("POST", f"{world.client.url}/pulse/v1/rawData", token | headers, body)
        assert answer.status == 201, headers
