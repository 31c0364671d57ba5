"""Verify finds damage in every format and packing, whether it came on the way or was written into the manifest too."""

import io
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tailrace.accounts.lookup import scope_of_app
from tailrace.exports.verify.verifying import verify
from tailrace.wiring import House
from tests.sending import T0, event, seal, send
from tests.templates import TemplateOf
from tests.unit.exports.downloads import PACKINGS, Download, asked, codes, download, new_house
from tests.unit.exports.repacking import (
    PACK,
    UNPACK,
    content_sha256,
    replace_rows,
    replace_table,
    replace_text,
    rows_of,
    unzipped,
    zipped,
)

TEXTS = [
    (form, packing)
    for form in ("json", "array", "csv", "xml")
    for packing in PACKINGS[form if form in PACKINGS else "json"]
]
ALL = [*TEXTS, ("parquet", "none"), ("parquet", "zip")]
COLUMNS = ("id", "event", "time", "params")
WHOLE = {"array": "json", "json": "json", "csv": "csv", "xml": "xml", "parquet": "parquet"}  # codes of broken content


class Exports:
    """Exports of nine plain events of three sessions. Each is made once, and copied for whoever damages it."""

    def __init__(self, house: House, folder: Path) -> None:
        self._house = house
        self._scope = scope_of_app(house.database, "app_waves")
        self._folder = folder
        self._made: dict[str, Download] = {}
        records = [event("tap", T0 + n * 1000, session=f"s{n % 3}", id=f"id-{n}") for n in range(9)]
        send(house, self._scope, records)
        seal(house, self._scope)

    def make(self, folder: Path, form: str, packing: str, **other: Any) -> Download:
        """One that nobody has damaged yet."""
        json_array, format_ = form == "array", "json" if form == "array" else form
        plain = {"columns": COLUMNS, "split": "single", "format": format_, "packing": packing, "json_array": json_array}
        wanted = plain | other
        if str(wanted) not in self._made:
            made = download(self._house, self._scope, asked(self._scope, wanted), self._folder / f"{len(self._made)}")
            assert codes(verify([made.folder])) == []
            self._made[str(wanted)] = made
        return copied(self._made[str(wanted)], folder)


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory, template_of: TemplateOf) -> Iterator[Exports]:
    """Exports of one store."""
    folder = tmp_path_factory.mktemp("exports")
    with new_house(template_of, folder) as house:
        yield Exports(house, folder)


def copy(made: Download, name: str) -> Download:
    """The same export once more, to be damaged in another way."""
    return copied(made, made.folder.parent / name)


def copied(made: Download, folder: Path) -> Download:
    """The same export in another folder."""
    shutil.copytree(made.folder, folder)
    return Download(folder, json.loads((folder / "manifest.json").read_text()))


@pytest.mark.parametrize(("form", "packing"), ALL)
def test_changed_bytes_are_found(exports: Exports, tmp_path: Path, form: str, packing: str) -> None:
    """A flipped byte anywhere, a cut anywhere and bytes behind the end: never unseen, never an error of our own."""
    made = exports.make(tmp_path / "e", form, packing)
    whole = made.file.read_bytes()
    places = sorted({0, 4, len(whole) - 1, *range(0, len(whole), max(1, len(whole) // 40))})
    for place in places:
        made.file.write_bytes(whole[:place] + bytes([whole[place] ^ 0x41]) + whole[place + 1 :])
        assert "file.sha256" in codes(verify([made.folder])), place
        made.file.write_bytes(whole[:place])
        assert {"file.sha256", "file.bytes"} <= set(codes(verify([made.folder]))), place
    made.file.write_bytes(whole + b"\n")
    assert {"file.sha256", "file.bytes"} <= set(codes(verify([made.folder])))


@pytest.mark.parametrize(("form", "packing"), ALL)
def test_bytes_behind_the_end_are_found(exports: Exports, tmp_path: Path, form: str, packing: str) -> None:
    """Though the manifest agrees: one more byte, and the whole content once more, which many readers would not see."""
    made = exports.make(tmp_path / "e", form, packing)
    whole, code = made.file.read_bytes(), WHOLE[form] if packing == "none" else packing
    for more in (b"x", b"\0", whole):
        made.write(whole + more)
        found = codes(verify([made.folder]))
        doubled = form in ("json", "csv") and packing == "none" and more is whole
        assert f"file.{code}" in found or (doubled and "file.rows" in found), (more[:1], found)


@pytest.mark.parametrize(("form", "packing"), ALL)
def test_a_broken_file_that_was_written_so_is_found(exports: Exports, tmp_path: Path, form: str, packing: str) -> None:
    """Bytes that are flipped or missing in the manifest's eyes too are found by packing, format, rows or digest."""
    made = exports.make(tmp_path / "e", form, packing)
    whole = made.file.read_bytes()
    for place in range(1, len(whole), max(1, len(whole) // 30)):
        made.write(whole[:place])
        assert codes(verify([made.folder])), place
    middle = len(whole) // 2 if packing != "zip" else len(whole) // 4
    made.write(whole[:middle] + bytes([whole[middle] ^ 0x11]) + whole[middle + 1 :])
    assert codes(verify([made.folder])), middle


CHANGES: list[tuple[Callable[[list[bytes]], Sequence[bytes]], bool, set[str]]] = [
    (lambda rows: rows[1:], False, {"file.rows", "file.content_sha256"}),
    (lambda rows: rows[:-1], False, {"file.rows", "file.content_sha256"}),
    (lambda rows: [*rows, rows[0]], False, {"file.rows", "file.content_sha256", "ids"}),
    (lambda rows: [rows[0].replace(b"tap", b"tip"), *rows[1:]], False, {"file.content_sha256"}),
    (lambda rows: [rows[1], *rows[1:]], False, {"file.content_sha256", "ids"}),
    (lambda rows: [*rows[:2], *rows[3:]], True, {"export.totals"}),
    (lambda rows: [*rows, rows[4]], True, {"export.totals", "ids"}),
    (lambda rows: [*rows[:4], rows[3], *rows[5:]], True, {"ids"}),
    (lambda rows: [rows[0].replace(b"id-", b""), *rows[1:]], True, set()),
]


@pytest.mark.parametrize(("form", "packing"), TEXTS)
def test_changed_rows_are_found(exports: Exports, tmp_path: Path, form: str, packing: str) -> None:
    """Rows lost, doubled, changed or replaced: found by count and digest, else by the app's totals and by ids."""
    made = exports.make(tmp_path / "e", form, packing)
    for number, (change, forged, expected) in enumerate(CHANGES):
        damaged = copy(made, f"{number}")
        replace_rows(damaged, form, change, forged=forged)
        found = set(codes(verify([damaged.folder])))
        bounds = {"file.min_time", "file.max_time", "file.bytes"}  # of a lost row; of a member
        assert found - bounds == expected, number


TABLE_CHANGES: list[tuple[Callable[[pa.Table], pa.Table], dict[str, Any], set[str]]] = [
    (lambda t: t.slice(1), {}, {"file.rows", "file.content_sha256"}),
    (lambda t: pa.concat_tables([t, t.slice(0, 1)]), {}, {"file.rows", "file.content_sha256", "ids"}),
    (lambda t: t.set_column(1, "event", pa.array(["tip"] * 9)), {}, {"file.content_sha256"}),
    (lambda t: t.set_column(0, "id", t["id"].take(pa.array([0] * 9))), {}, {"file.content_sha256", "ids"}),
    (lambda t: t.set_column(0, "id", pa.nulls(9, pa.string())), {}, {"file.content_sha256", "file.ids"}),
    (lambda t: t.set_column(2, "time", pa.nulls(9, t["time"].type)), {}, {"file.content_sha256", "file.times"}),
    (lambda t: t.drop_columns(["params"]), {}, {"file.parquet"}),
    (lambda t: t.slice(0, 8), {"rows": 8}, {"file.content_sha256", "export.rows"}),
]


@pytest.mark.parametrize("packing", ["none", "zip"])
def test_changed_tables_are_found(exports: Exports, tmp_path: Path, packing: str) -> None:
    """The same in Parquet, whose digest is of lines that are made here."""
    made = exports.make(tmp_path / "e", "parquet", packing)
    for number, (change, claims, expected) in enumerate(TABLE_CHANGES):
        damaged = copy(made, f"{number}")
        replace_table(damaged, change, **claims)
        found = set(codes(verify([damaged.folder])))
        assert found - {"file.min_time", "file.max_time"} == expected, number


def test_an_event_lost_from_its_session_is_found(exports: Exports, tmp_path: Path) -> None:
    """All facts of the file made anew, and no row missing: the app's totals still tell of the event."""
    made = exports.make(tmp_path / "e", "json", "gzip", shape="sessions", columns=None)
    first = copy(made, "lost")
    replace_rows(first, "json", lambda rows: [_without_an_event(rows[0]), *rows[1:]], forged=True)
    report = verify([first.folder])
    assert (codes(report), report.findings[0].found) == (["export.totals"], "8 events in sessions")
    second = copy(made, "all")
    replace_rows(second, "json", lambda rows: [rows[0].partition(b',"events"')[0] + b"}", *rows[1:]], forged=True)
    assert "file.events" in codes(verify([second.folder]))
    third = copy(made, "session")
    replace_rows(third, "json", lambda rows: rows[:-1], forged=True)
    assert codes(verify([third.folder]))[0] == "export.totals"


def _without_an_event(row: bytes) -> bytes:
    """A session without its second event, which is none of those that bound its time."""
    head, _, events = row.partition(b'"events":[')
    first, _, third = events[:-2].split(b"},{")
    return head + b'"events":[' + first + b"},{" + third + b"]}"


@pytest.mark.parametrize("format_", ["json", "csv", "xml", "parquet"])
def test_members_must_be_those_of_the_manifest(exports: Exports, tmp_path: Path, format_: str) -> None:
    """A member that is missing, one too many, one renamed or doubled in the archive: each is named."""
    made = exports.make(tmp_path / "e", format_, "zip", shape="tables", split="event", columns=None)
    assert [(m["of"], m["rows"]) for m in made.entry["members"]] == [("users", 1), ("rows", 9)]
    members = unzipped(made.file.read_bytes())
    one, two = members
    for names in ([one], [two], [one, two, "extra.txt"], [one, f"_{two}"], []):
        given = dict(zip(names, [*members.values(), b"x"], strict=False))
        made.write(zipped(given, 0))
        found = verify([made.folder]).findings
        assert "file.members" in {f.code for f in found}, names
    with pytest.warns(UserWarning, match="Duplicate"):
        made.write(_doubled(members))
    assert "file.members" in codes(verify([made.folder]))


def _doubled(members: dict[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, data in (*members.items(), *members.items()):
            archive.writestr(name, data)
    return sink.getvalue()


def test_archives_hold_nothing_beside_their_members(exports: Exports, tmp_path: Path) -> None:
    """Bytes before, between or behind members, a comment, another name before a member, an encrypted one."""
    made = exports.make(tmp_path / "e", "json", "zip")
    whole = made.file.read_bytes()
    name = str(made.entry["members"][0]["name"]).encode()
    end = whole.rindex(b"PK\x05\x06")
    for data in (
        b"junk" + whole,
        whole[:-2] + b"\x04\x00junk",
        whole.replace(name, name[::-1], 1),
        whole[: whole.index(b"PK\x01\x02")]
        + b"junk"
        + whole[whole.index(b"PK\x01\x02") : end]
        + _moved(whole[end:], 4),
        whole.replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"),
        b"",
        b"PK",
    ):
        assert data != whole
        made.write(data)
        assert "file.zip" in codes(verify([made.folder])), data[:20]


def _moved(end: bytes, by: int) -> bytes:
    """The end of an archive whose directory moved."""
    return end[:16] + (int.from_bytes(end[16:20], "little") + by).to_bytes(4, "little") + end[20:]


@pytest.mark.parametrize("key", ["rows", "min_time", "max_time", "content_sha256"])
def test_archives_add_up(exports: Exports, tmp_path: Path, key: str) -> None:
    """What the manifest says of an archive is what it says of its members, and that is what they hold."""
    made = exports.make(tmp_path / "e", "json", "zip")
    wrong = {"rows": 5, "min_time": "2020-01-01T00:00:00.000Z", "max_time": None, "content_sha256": "0" * 64}[key]
    for entry in (made.entry, made.entry["members"][0]):
        kept = entry[key]
        entry[key] = wrong
        made.save()
        assert f"file.{key}" in codes(verify([made.folder]))
        entry[key] = kept


TEXT_CHANGES: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("array", lambda text: text[2:]),
    ("array", lambda text: text[:-3]),
    ("array", lambda text: text.replace(b"},\n", b"}\n", 1)),
    ("array", lambda text: text.replace(b"}\n]", b"},\n]")),
    ("array", lambda text: text.replace(b"\n]\n", b",\n]\n")),
    ("array", lambda text: text.replace(b",\n", b",", 1)),
    ("array", lambda text: b"\xef\xbb\xbf" + text),
    ("csv", lambda text: text.partition(b"\r\n")[2]),
    ("csv", lambda text: text.replace(b"id,event", b"event,id", 1)),
    ("csv", lambda text: text.replace(b"tap,", b"tap,,", 1)),
    ("csv", lambda text: text.replace(b"tap,", b"", 1)),
    ("csv", lambda text: text.replace(b"tap", b'"tap', 1)),
    ("csv", lambda text: text.replace(b"tap", b'"t"p"', 1)),
    ("csv", lambda text: text.replace(b"tap", b"t\np", 1)),
    ("csv", lambda text: text.replace(b"tap", b"t\xffp", 1)),
    ("csv", lambda text: text.replace(b"Z,", b",", 1)),
    ("csv", lambda text: text.replace(b"\r\n", b"\n")),
    ("csv", lambda text: text + b"\r\n"),
    ("csv", lambda _: b""),
    ("csv", lambda text: text[:-2]),
    ("xml", lambda text: text.replace(b"<rows>\n", b"<rows>\n<!-- x -->\n")),
    ("xml", lambda text: text.replace(b"<rows>", b'<!DOCTYPE rows [<!ENTITY e "x">]><rows>')),
    ("xml", lambda text: text.replace(b">tap<", b">&e;<", 1)),
    ("xml", lambda text: text.replace(b">tap<", b">t\x01p<", 1)),
    ("xml", lambda text: text.replace(b">tap<", b">t\xffp<", 1)),
    ("xml", lambda text: text.replace(b"</id>", b"", 1)),
    ("xml", lambda text: text.replace(b"</event>\n", b"</event>", 1)),
    ("xml", lambda text: text.replace(b"</event>\n", b"</event> x\n", 1)),
    ("xml", lambda text: text.replace(b"\n<event>", b"\n <event>", 1)),
    ("xml", lambda text: text.replace(b"</rows>\n", b"")),
    ("xml", lambda text: text.replace(b"</rows>\n", b"</rows>")),
    ("xml", lambda text: text.partition(b"\n")[2]),
    ("xml", lambda text: text.replace(b"Z</time>", b"</time>", 1)),
]


def test_malformed_texts_are_found(exports: Exports, tmp_path: Path) -> None:
    """Brackets, commas, headers, quotes, cells, tags, entities, line ends, encodings: each fault is the format's."""
    made = {form: exports.make(tmp_path / form, form, "gzip") for form in ("array", "csv", "xml")}
    for number, (form, change) in enumerate(TEXT_CHANGES):
        damaged = copy(made[form], f"{number}")
        text = UNPACK["gzip"](damaged.file.read_bytes())
        replace_text(damaged, change)
        assert UNPACK["gzip"](damaged.file.read_bytes()) != text, number
        assert f"file.{WHOLE[form]}" in codes(verify([damaged.folder])), number


def test_two_frames_are_found(exports: Exports, tmp_path: Path) -> None:
    """The right rows in two members or frames: many readers stop, silently, after the first."""
    for packing in ("gzip", "zstd"):
        made = exports.make(tmp_path / packing, "json", packing)
        head, rows, _ = rows_of(
            UNPACK[packing](made.file.read_bytes()),
            "json",
        )
        one, two = (b"".join(row + b"\n" for row in some) for some in (rows[:4], rows[4:]))
        made.write(PACK[packing](head + one) + PACK[packing](two))
        assert content_sha256(rows) == made.entry["content_sha256"]
        assert codes(verify([made.folder])) == [f"file.{packing}"]


def test_rows_must_lie_where_they_were_split_to(exports: Exports, tmp_path: Path) -> None:
    """A file of an hour holds rows of that hour only."""
    made = exports.make(tmp_path / "e", "json", "gzip", split="hour")
    assert made.entry["key"] == "2026-01-02T03"
    made.entry["key"] = "2026-01-02T04"
    made.save()
    assert codes(verify([made.folder])) == ["file.key"]


def test_events_must_lie_with_those_of_their_name(exports: Exports, tmp_path: Path) -> None:
    """A file of a name holds no event of another, in any format."""
    for format_, packing in (("json", "gzip"), ("csv", "zip"), ("xml", "none"), ("parquet", "zip")):
        for shape in ("events", "tables"):
            folder = tmp_path / f"{shape}-{format_}"
            made = exports.make(folder, format_, packing, shape=shape, split="event", columns=("id", "event"))
            for entry in (*made.manifest["files"], *(made.entry["members"] or ())):
                entry["key"] = entry["key"] and "top"
            made.save()
            assert "file.key" in codes(verify([made.folder]))
