"""Bounds of profiles, and whose they are. What they say is counted in tests/property/test_profiles.py."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from tailrace.accounts.lookup import scope_of_app
from tailrace.db.tables import actors, joins, owned, profiles, segments
from tailrace.ingest import attributes, firsts
from tailrace.ingest.cutting import Bounds
from tailrace.ingest.sealing import seal_everything
from tailrace.ingest.spool import Spool
from tailrace.model.access import Scope
from tailrace.model.clock import DAY, MINUTE
from tailrace.model.hashing import actor_hash
from tailrace.store.joins import MOST, joined, joined_with
from tailrace.store.profiles import profiles_at
from tailrace.wiring import House
from tests.sending import T0, Row, event, export, request, seal, send

COLUMNS = ("id", "until_first_ms", "prior_events", "user_attributes", "registered_at")


@pytest.fixture
def backend() -> str:
    """SQLite: the property test compares the databases."""
    return "sqlite"


def sealed(house: House, scope: Scope, *batches: Sequence[Row]) -> dict[str, Row]:
    """Seal batch by batch; the rows by id."""
    for batch in batches:
        assert send(house, scope, batch, at=T0 + DAY).rejected == []
        seal(house, scope)
    return rows_of(house, scope)


def rows_of(house: House, scope: Scope) -> dict[str, Row]:
    """All rows of an app by id."""
    return {row["id"]: row for row in export(house, scope, request(scope, columns=COLUMNS))[1]}


def said(id_: str, minute: int, device: str = "d1", **attributes: object) -> Row:
    """An event with attributes of its user, alone in its session."""
    more = {"id": id_, "profile": {"attributes": attributes}}
    return event("e", T0 + minute * MINUTE, device=device, session=id_, **more)


def test_an_actor_has_so_many_names(house: House, scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    """The earliest new names are remembered up to the bound, over seals; others are no first events, and no error."""
    monkeypatch.setattr(firsts, "MOST_NAMES", 3)
    names = [event(name, T0 + place, id=name) for place, name in enumerate("abcd")]
    rows = sealed(house, scope, names[:2], [*names[2:], event("a", T0 + 9, id="again")])
    assert {id_: row.get("until_first_ms") for id_, row in rows.items()} == {
        "a": 0, "b": 1, "c": 2, "d": None, "again": None,
    }  # fmt: skip
    with house.database.read() as connection:
        (kept,) = connection.scalars(select(actors.c.names).where(owned(actors, scope)))
    assert len(kept) == 3 * 8


def test_a_profile_holds_so_much(house: House, scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    """What would make a profile too long has no effect on it; what fits later has. Only changes make versions."""
    monkeypatch.setattr(attributes, "LONGEST", 60)
    batches = [
        [said("fits", 0, a="x" * 20)],
        [said("long", 1, b="y" * 30)],
        [said("same", 2, a="x" * 20)],
        [said("less", 3, a="z")],
    ]
    rows = sealed(house, scope, *batches)
    assert [rows[id_]["user_attributes"] for id_ in ("fits", "long", "same", "less")] == [
        {"a": "x" * 20}, {"a": "x" * 20}, {"a": "x" * 20}, {"a": "z"},
    ]  # fmt: skip
    with house.database.read() as connection:
        found = connection.scalars(select(profiles.c.seq).where(owned(profiles, scope)).order_by(profiles.c.seq))
        assert list(found) == [1, 4]


def test_joined_actors_show_what_fits(house: House, scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row shows its own actor's profile, and of the others' only as much as the bound allows."""
    monkeypatch.setattr(attributes, "LONGEST", 60)
    alias = event("alias", T0, device="d1", id="alias", kind="alias", params={"previous_id": "d2"})
    first = [alias, said("long", 1, "d2", b="y" * 30), said("own", 2, "d1", a="x" * 20)]
    rows = sealed(house, scope, first, [event("e", T0 + 9 * MINUTE, id="late")], [said("short", 10, "d2", b="y")])
    assert rows["late"]["user_attributes"] == {"a": "x" * 20}
    assert rows["short"]["user_attributes"] == {"b": "y", "a": "x" * 20}


def test_long_attributes_cut_segments(house: House, scope: Scope) -> None:
    """However many rows repeat long profiles, no segment holds more than its bound of them; each row has its own."""
    sealed(house, scope, [said(f"a{n}", n, f"d{n}", text=str(n) * 1_000) for n in range(5)])
    send(house, scope, [event("e", T0 + n, device=f"d{n}", id=f"b{n}", session="b") for n in range(5)], at=T0 + DAY)
    sealer = replace(house.sealer(), bounds=Bounds(segment_bytes=2_500))
    with house.database.read() as connection:
        before = connection.scalar(select(profiles.c.seq).where(owned(profiles, scope)).limit(1))
    (step,) = seal_everything(sealer, [scope], "test", close_all=True)
    rows = rows_of(house, scope)
    assert [rows[f"b{n}"]["user_attributes"] for n in range(5)] == [{"text": str(n) * 1_000} for n in range(5)]
    assert sizes_of(house, scope, step.sealed.seq or 0) == [2, 2, 1]
    assert before == 1


def sizes_of(house: House, scope: Scope, seq: int) -> list[int]:
    """Events of each segment of a commit."""
    with house.database.read() as connection:
        of_seq = select(segments.c.events).where(owned(segments, scope), segments.c.added_seq == seq)
        return list(connection.scalars(of_seq.order_by(segments.c.number)))


def test_only_so_many_actors_are_joined() -> None:
    """Joining goes on up to the bound; a join beyond it changes nothing, be it of one actor or of two large groups."""
    names = [bytes([n]) for n in range(MOST + 2)]
    chain = [(names[n], names[n + 1]) for n in range(MOST + 1)]
    found = joined({}, chain)
    assert [actor for actor in names if found.get(actor) == names[0]] == names[:MOST]
    assert found.get(names[MOST]) == found.get(names[MOST + 1]) == names[MOST]
    assert joined(found, [(names[5], names[MOST])]) == found
    half = MOST // 2
    groups = joined({}, chain[: half - 1] + chain[half : MOST + 1])
    assert joined(groups, [(names[0], names[MOST])]) == groups


def test_an_alias_joins_in_its_own_app(house: House) -> None:
    """The same ids in another app stay alone, and another app's reader sees neither joins nor profiles."""
    waves, tides = (scope_of_app(house.database, name) for name in ("app_waves", "app_tides"))
    alias = said("alias", 0) | {"kind": "alias", "params": {"previous_id": 7}}
    numbered = [event("e", T0, device="7", id="seven")], [event("e", T0 + MINUTE, id="after")]
    assert sealed(house, waves, [alias, *numbered[0]], numbered[1])["after"]["prior_events"] == 2
    assert sealed(house, tides, numbered[0], numbered[1])["after"]["prior_events"] == 0
    actor, other = (actor_hash("app_waves", name) for name in ("d1", "7"))
    with house.database.read() as connection:
        assert joined_with(connection, waves, 1, [actor]) == {actor: (other,)}
        assert joined_with(connection, waves, 0, [actor]) == joined_with(connection, tides, 9, [actor]) == {}
        assert profiles_at(connection, waves, 1, [actor, other]).keys() == {actor}
        assert profiles_at(connection, tides, 9, [actor]) == {}
        assert len(connection.execute(select(joins)).all()) == 2


@pytest.mark.parametrize("in_memory", [1, 1 << 20])
def test_a_spool_gives_back_what_it_keeps(in_memory: int) -> None:
    """Texts come back in any order, whether they are in memory or in a file."""
    with Spool(in_memory) as spool:
        kept = [spool.keep(text) for text in ("ä😀", "", "b" * 1_000)]
        assert [spool.read(where) for where in (kept[2], kept[0], kept[1])] == ["b" * 1_000, "ä😀", ""]
        assert spool.read(spool.keep("more")) == "more"
