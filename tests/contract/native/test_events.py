"""docs/api.md, "Send events": what a sender may rely on."""

import base64
import gzip
import json
import math
from typing import Any

import zstandard

from tailrace.accounts.limits import set_limits
from tailrace.model.clock import parse_iso
from tests.contract.live import READ
from tests.contract.native.conftest import Api, Row
from tests.sending import seal

RECORD: Row = {
    "id": "e1",
    "event": "Level Up",
    "time": "2026-01-02T03:04:05.678Z",
    "user_id": "u1",
    "session_id": "s1",
    "device_id": "d1",
    "params": {"level": 7},
    "session": {"app_version": "1.2", "country": "DE"},
    "profile": {"gender": "female"},
}
BATCH = json.dumps({"batch": [RECORD], "sent_at": "2026-01-02T03:04:06Z"}).encode()


def basic(user: str, password: str = "") -> dict[str, str]:
    """A Basic login."""
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_a_batch_comes_out_as_it_went_in(api: Api) -> None:
    """The example of the page: every key of it is in the one row that comes out."""
    assert api.post(BATCH).json() == {"received": 1, "accepted": 1, "rejected": []}
    api.seal()
    (row,) = api.rows()
    expected = {key: RECORD[key] for key in ("id", "event", "time", "user_id", "session_id", "device_id", "params")}
    expected |= {"app_version": "1.2", "country": "DE", "gender": "female", "profile": {"gender": "female"}}
    expected |= {"sent_at": "2026-01-02T03:04:06.000Z"}
    assert {key: row.get(key) for key in expected} == expected


def test_the_key_may_come_as_bearer_or_as_basic_user(api: Api) -> None:
    """Both forms open the door; no key, an unknown one and a key in the wrong place do not, and store nothing."""
    url = "/v1/events"
    for headers in ({"authorization": "Bearer wk_waves"}, basic("wk_waves"), basic("wk_waves", "ignored")):
        assert api.http.post(url, content=BATCH, headers=headers).status_code == 200
    received = api.ledger().received
    for headers in ({}, {"authorization": "Bearer wk_nobody"}, basic("x", "wk_waves"), basic("a\0b"), READ):
        answer = api.http.post(url, content=BATCH, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert api.ledger().received == received == 3


CONTENT_TYPES = (None, "application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data")


def test_the_content_type_does_not_matter(api: Api) -> None:
    """The body says itself what it is: a batch or lines, plain, gzip or zstd, under any content type or encoding."""
    lines = b"\n".join(json.dumps(RECORD | {"id": f"line {n}"}).encode() for n in range(3))
    bodies = [BATCH, b" \n" + BATCH, lines, lines + b"\n\r\n", gzip.compress(BATCH), zstandard.compress(lines)]
    bodies += [gzip.compress(lines[:100]) + gzip.compress(lines[100:])]
    for content_type in CONTENT_TYPES:
        headers = {"content-type": content_type} if content_type else {}
        assert [api.post(body, **headers).json()["accepted"] for body in bodies] == [1, 1, 3, 3, 1, 3, 3]
    assert api.post(BATCH, **{"content-encoding": "br"}).json()["accepted"] == 1
    api.seal()
    assert sorted(row["id"] for row in api.rows()) == ["e1", "line 0", "line 1", "line 2"]


def test_odd_standard_events_are_stored_and_warned_of(api: Api) -> None:
    """A standard event with an unknown name or parameters of other types is stored as it was sent, and the answer
    says what no table can show; parameters beyond those, absent ones, events of other kinds and rejected records
    are passed over, and so is what comes after the hundredth.
    """
    params: Row = {
        "action": "upgrade", "is_trial": 1, "product": 7, "starts_at": "soon", "grace_days": True, "colour": [], "x": 1,
        "expires_at": "2026-01-02T03:04:05Z", "transaction_id": None,
    }  # fmt: skip
    records: list[Row] = [
        {"event": "Levelup", "device_id": "d", "kind": "standard"},
        {"event": "Levelup", "device_id": "d", "kind": "track"},
        {"event": "Subscription", "device_id": "d", "kind": "standard", "params": params},
        {"event": "Levelup", "kind": "standard"},
        {"event": "Level Up", "device_id": "d", "kind": "standard",
         "params": {"spent": {"Coins": 1}, "earned": {"Coins": "1"}, "balance": 3}},
        {"event": "Tutorial Step", "device_id": "d", "kind": "standard", "params": {"step": 1.5}},
        {"event": "qqq", "device_id": "d", "kind": "standard"},
    ]  # fmt: skip
    answer = api.send(*records, sent_at="2026-01-02T03:04:06Z")
    assert [one["position"] for one in answer["rejected"]] == [3]
    assert [(one["position"], one["reason"]) for one in answer["warnings"]] == [
        (0, "event: no standard event is called 'Levelup'; 'Level Up' is one"),
        (2, "params.action: one of purchase, renewal, refund, cancellation is expected"),
        (2, "params.product: a text is expected"),
        (2, "params.is_trial: true or false is expected"),
        (2, "params.starts_at: an ISO 8601 text with an offset from UTC is expected"),
        (2, "params.grace_days: a number is expected"),
        (4, "params.earned: an object of names and numbers is expected"),
        (4, "params.balance: an object of names and numbers is expected"),
        (5, "params.step: a whole number is expected"),
        (6, "event: no standard event is called 'qqq'"),
    ]
    api.seal()
    stored = {row["event"]: row for row in api.rows()}
    assert stored["Subscription"]["params"] == params
    assert len(api.send(*[{"event": "qqq", "device_id": "d", "kind": "standard"}] * 101)["warnings"]) == 100


def test_a_bad_record_never_fails_its_batch(api: Api) -> None:
    """Bad records are listed by position and reason and kept as dead letters; the good ones are stored."""
    records: list[tuple[str, str]] = [
        ('{"event":"good","device_id":"d"}', ""),
        ('{"event":"x"}', "no identity: give device_id or user_id"),
        ('{"device_id":"d"}', "Object missing required field `event`"),
        ('{"event":"x","device_id":"d","wat":1}', "wat"),
        ('{"event":"x","device_id":"d","session":{"wat":1}}', "session: "),
        ('{"event":"x","device_id":"d","profile":{"wat":1}}', "profile: "),
        ('{"event":"x","device_id":"d","page":{"wat":1}}', "wat"),
        ('{"event":"x","device_id":"d","time":"2026-01-02T03:04:05"}', "time"),
        ('{"event":"x","device_id":"d","time":"soon"}', "time"),
        ('{"event":"x","device_id":"d","params":[1]}', "params: must be an object"),
        ('{"event":"","device_id":"d"}', "event: a name is needed"),
        ('{"event":"x","device_id":"d","session":{"latitude":91}}', "latitude"),
        ('{"event":"x","device_id":"d","a\\u0000b":1}', "a"),
        ("[]", "array"),
        ("7", "int"),
        ('{"event":"good too","user_id":"u"}', ""),
    ]
    raws = [raw for raw, _ in records]
    bad = [position for position, (_, reason) in enumerate(records) if reason]
    for body in ('{"batch":[' + ",".join(raws) + "]}", "\n".join(raws)):
        answer = api.post(body)
        assert answer.status_code == 200
        found = answer.json()
        assert (found["received"], found["accepted"]) == (16, 2)
        assert [r["position"] for r in found["rejected"]] == bad
        for rejected in found["rejected"]:
            assert records[rejected["position"]][1] in rejected["reason"]
    letters = api.letters()
    assert sorted((letter.position, letter.raw.decode()) for letter in letters) == [(n, raws[n]) for n in bad]
    assert api.ledger().holds
    assert api.ledger().dead_letters == 2 * len(bad)


UNREADABLE = [
    b"",
    b"  \n",
    b'{"batch":[',
    b'{"batch":[{"event":"e"',
    b'{"batch":{}}',
    b'{"batch":[],"wat":1}',
    b'{"batch":[],"sent_at":"soon"}',
    b'{"sent_at":1}',
    b'{"batch":[]} x',
    gzip.compress(BATCH)[:-9],
    zstandard.compress(BATCH)[:-3],
    gzip.compress(BATCH) + b"junk",
]


def test_a_body_that_cannot_be_read_stores_nothing(api: Api) -> None:
    """A malformed body is 400 as a whole: nothing of it is stored, not even as a dead letter."""
    for body in UNREADABLE:
        answer = api.post(body)
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed_body"), body
        assert answer.json()["detail"], body
        assert (api.ledger().received, api.letters()) == (0, []), body


def test_a_body_over_the_limit_stores_nothing(api: Api) -> None:
    """413 before or after unpacking, and the limit is named; a body of exactly the limit is read."""
    with api.house.database.write() as connection:
        set_limits(connection, {"ingest.max_body_bytes": 5000})
    fits = json.dumps({"batch": [RECORD]}).encode().ljust(5000)
    assert api.post(fits).status_code == 200
    received = api.ledger().received
    for body in (fits + b" ", gzip.compress(fits + b" "), zstandard.compress(fits + b" "), gzip.compress(bytes(10**8))):
        answer = api.post(body)
        assert (answer.status_code, answer.json()["code"], answer.json()["limit"]) == (413, "body_too_large", 5000)
    assert api.ledger().received == received


def test_too_many_records_store_nothing(api: Api) -> None:
    """A request with more events than the limit is 413, as a batch and as lines, and the limit is named."""
    with api.house.database.write() as connection:
        set_limits(connection, {"ingest.max_records": 3})
    line = json.dumps(RECORD)
    for count, status in ((3, 200), (4, 413)):
        for body in ('{"batch":[' + ",".join([line] * count) + "]}", "\n".join([line] * count)):
            answer = api.post(body)
            assert answer.status_code == status, (count, answer.text)
    assert (answer.json()["code"], answer.json()["limit"]) == ("too_many_records", 3)
    assert api.ledger().received == 6


def test_a_record_or_name_over_its_limit_is_a_dead_letter(api: Api) -> None:
    """The limits of one event and of one name hold wherever the text stands, and say how long it may be."""
    base = {"event": "e", "device_id": "d"}
    big = "x" * 1_048_577
    found = api.send(
        base,
        *(base | {name: big} for name in ("info", "currency", "state")),
        base | {"params": {"a": big}},
        base | {"page": {"url": big}},
        base | {"session": {"city": big}},
        *(base | {name: "ä" * 513} for name in ("event", "id", "user_id", "device_id", "session_id")),
        base | {"event": "ä" * 512},
    )
    assert found["accepted"] == 2
    assert [r["position"] for r in found["rejected"]] == list(range(1, 12))
    assert {r["reason"] for r in found["rejected"][:6]} == {"larger than 1048576 bytes"}
    assert all("longer than 1024 bytes" in r["reason"] for r in found["rejected"][6:])


def test_the_same_id_is_stored_once(api: Api) -> None:
    """However often an id is sent, in one batch, in another and after it was sealed: the first is kept."""
    api.send(RECORD, RECORD | {"params": {"level": 8}}, sent_at=1)
    api.send(RECORD, sent_at=2)
    api.seal()
    api.send(RECORD | {"event": "other"})
    api.seal()
    (row,) = api.rows()
    assert (row["event"], row["params"]) == ("Level Up", {"level": 7})
    assert (api.ledger().sealed, api.ledger().duplicates) == (1, 3)
    assert api.ledger().holds


def test_without_an_id_content_place_and_sent_at_decide(api: Api) -> None:
    """The same batch again adds nothing; another `sent_at`, another place or another content is another event."""
    record = {"event": "e", "device_id": "d", "time": 1_767_323_045_678}
    body = json.dumps({"batch": [record, record], "sent_at": 5})
    for _ in range(3):
        assert api.post(body).json()["accepted"] == 2
    api.seal()
    assert len(api.rows()) == 2
    api.post(body)
    for other in (
        {"batch": [record, record], "sent_at": 6},
        {"batch": [{**record, "time": 1_767_323_045_679}], "sent_at": 5},
        {"batch": [record, record, record], "sent_at": 5},
    ):
        api.post(json.dumps(other))
    api.seal()
    ids = [row["id"] for row in api.rows()]
    assert len(ids) == len(set(ids)) == 2 + 2 + 1 + 1


def test_without_id_and_any_time_every_copy_is_kept(api: Api) -> None:
    """Equal events that say no time may be two presses of a button; a time or `sent_at` makes the second a resend."""
    bare = {"event": "bare", "device_id": "d"}
    timed = {"event": "timed", "device_id": "d", "time": 1_767_323_045_678}
    for _ in range(2):
        api.send(bare)
        api.send(timed)
        api.send(bare | {"event": "sent"}, sent_at=5)
    api.seal()
    assert sorted(row["event"] for row in api.rows()) == ["bare", "bare", "sent", "timed"]


def test_times(api: Api) -> None:
    """A time is ISO 8601 with an offset or milliseconds; without one it is the time of receipt."""
    before = api.house.clock.now()
    api.send(
        {"event": "iso", "device_id": "d", "time": "2026-01-02T05:04:05.678+02:00"},
        {"event": "ms", "device_id": "d", "time": 1_767_323_045_678},
        {"event": "old", "device_id": "d", "time": "0001-01-01T00:00:00Z"},
        {"event": "none", "device_id": "d"},
    )
    after = api.house.clock.now()
    api.seal()
    times = {row["event"]: row["time"] for row in api.rows()}
    assert times["iso"] == times["ms"] == "2026-01-02T03:04:05.678Z"
    assert times["old"] == "0001-01-01T00:00:00.000Z"
    assert before <= parse_iso(times["none"]) <= after


def test_a_wild_sent_at_harms_no_export(api: Api) -> None:
    """A moment of sending that no calendar knows makes its records dead letters, and exports go on."""
    found = api.send(RECORD, sent_at=(1 << 63) - 1)
    assert [r["reason"] for r in found["rejected"]] == ["sent_at: not between the years 1 and 9999"]
    api.send(RECORD)
    api.seal()
    assert len(api.rows()) == 1


def test_whose_event_it_is(api: Api) -> None:
    """Device before user: one device is one visitor whoever logs in, and without ids a pause of 30 minutes parts."""
    minute = 60_000
    sent = [("d1", "u1", 0), ("d1", "u2", 10), ("d1", None, 41), (None, "u1", 5), ("", "u1", 6)]
    api.send(
        *(
            {"event": "e", "id": str(n), "device_id": device, "user_id": user, "time": at * minute}
            for n, (device, user, at) in enumerate(sent)
        )
    )
    api.seal()
    rows = {row["id"]: row for row in api.rows(columns=["id", "actor", "session_id", "user_id"])}
    assert [rows[str(n)]["actor"] for n in range(5)] == ["d1", "d1", "d1", "u1", "u1"]
    sessions = [rows[str(n)]["session_id"] for n in range(5)]
    assert sessions[0] == sessions[1]
    assert sessions[3] == sessions[4]
    assert len(set(sessions)) == 3


def test_what_a_session_is_may_be_said_once(api: Api) -> None:
    """`session` of one event holds for all of its session, merged with what the others say."""
    api.send(
        {"event": "a", "device_id": "d", "session_id": "s", "time": 1, "session": {"country": "DE"}},
        {"event": "b", "device_id": "d", "session_id": "s", "time": 2, "session": {"app_version": "2"}},
        {"event": "c", "device_id": "d", "session_id": "s", "time": 3, "profile": {"gender": "male"}},
    )
    api.seal()
    rows = api.rows()
    assert {(r["country"], r["app_version"], r["gender"]) for r in rows} == {("DE", "2", "male")}
    assert len(rows) == 3


HOSTILE: dict[str, str] = {
    "emoji": '{"text":"🏝️👩‍👩‍👧 \\ud83d\\ude00 ä é"}',
    "escaped control characters": '{"text":"\\u0001\\u001f\\b\\f\\n\\r\\t\\u2028\\u007f"}',
    "quotes and slashes": '{"a\\"b\\\\":"\\"\\\\\\/"}',
    "escaped NUL in a parameter": '{"text":"a\\u0000b","\\u0000":1}',
    "numbers beyond 2^53": '{"n":9007199254740993,"m":-123456789012345678901234567890}',
    "numbers beyond a double": '{"n":1e400,"m":-1E-400,"o":0.1000000000000000055511151231257827}',
    "spelling": '{ "a" : 1.0 , "b":1e2,"c":-0 , "a" : 2 }',
    "nested": '{"a":[[[{"b":[null,true,false,{}]}]]]}',
    "empty": "{}",
    "line breaks between tokens": '{\r\n "a":\n\n [1,\r2]\n}',
    "deep": '{"a":' + "[" * 60 + "]" * 60 + "}",
    "markup": '{"a":"</script><!-- ]]> %00 %s {} $(x) `x` \'x\'; DROP TABLE users; --"}',
}


def test_params_come_out_as_they_were_sent(api: Api) -> None:
    """Hostile parameters, in batches and in lines, are equal to what was sent, read with another JSON reader."""
    texts = {name: text for name, text in HOSTILE.items() if "\n" not in text}
    batch = ",".join(record(name, text) for name, text in HOSTILE.items())
    lines = "\n".join(record(f"line {name}", text) for name, text in texts.items())
    for body in ('{"batch":[' + batch + "]}", lines):
        assert api.post(body.encode()).json()["rejected"] == []
    api.seal()
    found = {row["id"]: row["params"] for row in api.rows()}
    expected = HOSTILE | {f"line {name}": text for name, text in texts.items()}
    assert found == {name: json.loads(text) for name, text in expected.items()}
    assert found["numbers beyond a double"]["n"] == math.inf, "as Python reads 1e400"
    raw = b"\n".join(api.lines(api.manifest()))
    for spelled in (b"1e400", b"9007199254740993", b"0.1000000000000000055511151231257827", b"\\u0000"):
        assert raw.count(spelled) == (4 if spelled == b"\\u0000" else 2), spelled


def record(record_id: str, params: str) -> str:
    """A record with parameters as they are."""
    return f'{{"id":{json.dumps(record_id)},"event":"e","device_id":"d","params":{params}}}'


def test_what_no_reader_could_read_is_a_dead_letter(api: Api) -> None:
    """Broken UTF-8, raw control characters and bottomless nesting harm nobody but themselves."""
    good = b'{"event":"good","device_id":"d"}'
    deep = b'{"event":"e","device_id":"d","params":{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}}"
    bad = [
        b'{"event":"e","device_id":"d","params":{"a":"\xff"}}',
        b'{"event":"e\xff","device_id":"d"}',
        b'{"event":"e","device_id":"d","params":{"a":"\x01"}}',
        b'{"event":"e","device_id":"d","params":{"a":NaN}}',
        b'{"event":"e","device_id":"d","value":1e400}',
        deep,
    ]
    records = [raw for pair in zip(bad, [good] * len(bad), strict=True) for raw in pair]
    for body in (b'{"sent_at":1,"batch":[' + b", ".join(records) + b"]}", b"\n".join(records)):
        answer = api.post(body)
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert [r["position"] for r in found["rejected"]] == list(range(0, 2 * len(bad), 2)), found["rejected"]
        assert found["accepted"] == len(bad)
    assert {letter.raw for letter in api.letters()} == set(bad)
    api.seal()
    assert {row["event"] for row in api.rows()} == {"good"}
    assert api.ledger().holds


def test_names_with_hostile_text(api: Api) -> None:
    """Names and ids with every sort of character come out as they went in; NUL alone is replaced, and flagged."""
    names = ["🏝️", 'a"b\\c/d', "a\tb\nc\x01", "\u2028", " ", "</script>", "%00", "'; DROP TABLE x; --", "a\0b"]
    api.send(
        *(
            {"id": f"i{n}", "event": name, "device_id": f"d{name}", "user_id": name, "session_id": name, "info": name}
            for n, name in enumerate(names)
        )
    )
    api.seal()
    rows = sorted(api.rows(), key=lambda row: int(row["id"][1:]))
    shown = [name.replace("\0", "\ufffd") for name in names]
    for key in ("event", "user_id", "session_id"):
        assert [row[key] for row in rows] == shown, key
    assert [row["device_id"] for row in rows] == [f"d{name}" for name in shown]
    assert [row.get("flags", 0) & 2 for row in rows] == [0] * 8 + [2]


def test_the_end_of_a_session_makes_it_exportable(api: Api) -> None:
    """`session.end` closes it now, another waits for a pause, and what comes late joins as a fragment."""

    def sealed_now() -> list[tuple[Any, ...]]:
        seal(api.house, api.scope(), close_all=False)
        rows = api.rows(columns=["event", "session_id", "fragment"])
        return sorted((row["event"], row["session_id"], row["fragment"]) for row in rows)

    api.send(
        {"event": "a", "device_id": "d1", "session_id": "s1", "time": 1},
        {"event": "b", "device_id": "d1", "session_id": "s1", "time": 2, "session": {"end": True}},
        {"event": "c", "device_id": "d2", "session_id": "s2", "time": 3},
    )
    assert sealed_now() == [("a", "s1", 0), ("b", "s1", 0)]
    api.send({"event": "late", "device_id": "d1", "session_id": "s1", "time": 3, "session": {"end": True}})
    assert sealed_now() == [("a", "s1", 0), ("b", "s1", 0), ("late", "s1", 1)]
    api.house.settings.seal.inactivity_ms = 1
    api.send({"event": "x", "device_id": "d3", "session_id": "s3", "time": 9})
    assert ("c", "s2", 0) in sealed_now()
