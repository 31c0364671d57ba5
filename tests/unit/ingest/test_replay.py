"""A dead letter is read once more: it moves to the inbox as a whole, or nothing changes."""

import pytest
from msgspec.structs import replace

from tailrace.accounts.audit import Actor, in_space, page
from tailrace.ingest.accept import Origin, accept
from tailrace.ingest.protocols.native import draft_records
from tailrace.ingest.replay import Replayed, replay
from tailrace.model.errors import NotFound
from tailrace.model.hashing import key_of_record
from tailrace.store.inbox import append
from tests.unit.ingest.files.conftest import NOW, Importer, Write, importer, write

__all__ = ["importer", "write"]

MAP = '[fields]\nevent = { column = "name" }\ndevice_id = { column = "device" }\n'
ACTOR = Actor(1, "op", "127.0.0.1")
LONG = "d" * 1001  # over the limit of 1000 bytes


def relaxed(importer: Importer) -> None:
    """The limit that made the letters is raised."""
    importer.door = replace(importer.door, max_text_bytes=5000)


def again(importer: Importer) -> Replayed:
    (letter,) = importer.letters()
    return replay(importer.database, importer.door, letter.number, lambda: NOW, ACTOR)


def told(importer: Importer) -> list[tuple[str, str, str | None, str, object]]:
    """What the audit says."""
    entries = page(importer.database, in_space("acme"), 10)
    return [(one.who, one.action, one.app, one.subject, one.detail) for one in entries]


def check(importer: Importer, received: int, accepted: int) -> None:
    ledger = importer.ledger()
    assert (ledger.received, ledger.accepted, ledger.holds) == (received, accepted, True)


def test_a_line_of_a_file(importer: Importer, write: Write) -> None:
    """What is accepted now goes in with the key of its place; received does not grow, and it is no letter any more."""
    path = write("x.ndjson", '\n{"event":"go","device_id":"' + LONG + '"}\n')
    importer.run(path)
    check(importer, 1, 0)
    relaxed(importer)
    assert again(importer).reason is None
    check(importer, 1, 1)
    assert importer.letters() == []
    (row,) = importer.rows()
    assert row["key"] == key_of_record(LONG, None, 2, path.read_bytes().strip())


def test_a_row_of_a_table(importer: Importer, write: Write) -> None:
    """The cells are read by the map that the letter kept."""
    importer.run(write("x.csv", f"name,device\ngo,{LONG}\n"), MAP)
    relaxed(importer)
    assert again(importer).records == 1
    assert [(row["event"], row["actor"]) for row in importer.rows()] == [("go", LONG)]
    check(importer, 1, 1)


def test_a_row_of_a_native_table(importer: Importer, write: Write) -> None:
    """Without a map, the columns are known by their names again."""
    importer.run(write("x.csv", f"event,device_id,params.a\ngo,{LONG},1\n"))
    relaxed(importer)
    assert again(importer).records == 1
    assert importer.rows()[0]["params"] == '{"a":"1"}'


def test_a_record_of_a_batch(importer: Importer) -> None:
    """A record that came over HTTP keeps its place and the time when it was sent, and so its key."""
    raw = f'{{"event":"go","device_id":"{LONG}"}}'.encode()
    good = b'{"event":"go","device_id":"d"}'
    origin = Origin("POST /v1/events", '{"protocol":"native","sent_at":77}')
    outcome = accept(importer.door, draft_records([good, raw], 77), [good, raw], origin, NOW)
    append(importer.database, [outcome.submission])
    relaxed(importer)
    assert again(importer).records == 1
    keys = {row["actor"]: row["key"] for row in importer.rows()}
    assert keys[LONG] == key_of_record(LONG, 77, 1, raw)
    check(importer, 2, 2)


def test_as_often_as_it_was_seen(importer: Importer, write: Write) -> None:
    """A letter that came three times counts three times as accepted; a fourth can be replayed by itself."""
    path = write("x.ndjson", '{"event":"go","device_id":"' + LONG + '"}')
    for _ in range(3):
        importer.run(path)
    door = importer.door
    relaxed(importer)
    assert again(importer).records == 3
    check(importer, 3, 3)
    importer.door = door
    importer.run(path)
    check(importer, 4, 3)
    relaxed(importer)
    assert again(importer).records == 1
    check(importer, 4, 4)
    assert len({row["key"] for row in importer.rows()}) == 1


@pytest.mark.parametrize("row", ["only", f"go,{LONG}", "\xff,d", "a,b,c", '{"a":"b"}'])
def test_what_is_still_bad_stays(importer: Importer, write: Write, row: str) -> None:
    """A letter that is still rejected says why and changes nothing, however often it is tried."""
    importer.run(write("x.csv", b"name,device\n" + row.encode("latin-1")), MAP)
    (before,) = importer.letters()
    for _ in range(2):
        result = again(importer)
        assert (result.records, result.reason) == (0, before.letter.reason)
    assert importer.letters() == [before]
    assert told(importer) == []
    check(importer, 1, 0)


def test_a_letter_that_was_replayed(importer: Importer, write: Write) -> None:
    """A second replay of the same letter adds nothing, and the audit tells of the first alone."""
    importer.run(write("x.ndjson", '{"event":"go","device_id":"' + LONG + '"}'))
    (letter,) = importer.letters()
    relaxed(importer)
    again(importer)
    result = replay(importer.database, importer.door, letter.number, lambda: NOW, ACTOR)
    assert (result.records, result.reason) == (0, "it was replayed before")
    assert told(importer) == [("op", "dead_letter.replayed", "app", str(letter.number), {"records": 1})]
    check(importer, 1, 1)


def test_no_such_letter(importer: Importer) -> None:
    """A number that this app does not have is not found."""
    with pytest.raises(NotFound):
        replay(importer.database, importer.door, 5, lambda: NOW, ACTOR)
