"""What exports say of users, against a naive count of what was sent.

Sessions have ids here and each seal closes all of them, so the oracle needs no rules of grouping: one fragment per
session and seal.
"""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tailrace.accounts.lookup import scope_of_app
from tailrace.model.access import Scope
from tailrace.model.clock import DAY, MINUTE, iso, parse_iso
from tailrace.model.errors import FenceLost
from tailrace.model.hashing import actor_hash
from tailrace.store import commits
from tailrace.store.profiles import Profile, profiles_at
from tailrace.wiring import House
from tests.conftest import TestClock
from tests.effort import examples
from tests.property.test_ingest_machine import opened
from tests.sending import T0, Row, event, export, in_threads, request, seal, send

COLUMNS = (
    *("id", "fragment", "first_seen", "until_first_ms", "prior_events", "prior_sessions", "prior_states"),
    *("prior_duration_ms", "user_attributes", "registered_at"),
)
PROFILES: tuple[Row | None, ...] = (
    *(None, None, {"name": "Ana"}, {"attributes": {"plan": "free"}}, {"attributes": {"plan": "pro", "n": [1, None]}}),
    {"attributes": {"n": 2}, "level": 3, "registered_at": "2025-01-01T00:00:00+02:00"},
)
IDS = ("d1", "d2", "u1", "u2", "x")

drawn_events = st.fixed_dictionaries(
    {
        "who": st.sampled_from([("d1", None), ("d1", "u1"), ("d2", "u1"), ("d2", None), (None, "u1"), (None, "u2")]),
        "name": st.sampled_from("abc"),
        "kind": st.sampled_from([None, None, "state", "screen", "alias"]),
        "previous": st.sampled_from(IDS),
        "session": st.sampled_from(["s1", "s2"]),
        "minute": st.integers(-400, 600),
        "profile": st.sampled_from(PROFILES),
    }
)
seals = st.lists(st.lists(drawn_events, min_size=1, max_size=8), min_size=2, max_size=4)


@dataclass
class Session:
    """A session as its seals knew it."""

    start: int
    end: int
    fragments: int = 0


@dataclass
class Known:
    """What the oracle knows of an actor; `changed` is the seq of its last change."""

    first_seen: int = 0
    events: int = 0
    states: int = 0
    names: set[str] = field(default_factory=set)
    sessions: dict[str, Session] = field(default_factory=dict)
    profile: Row = field(default_factory=dict)
    user_id: str | None = None
    changed: int = 0


class Oracle:
    """Reads what was sent, seal by seal, event by event."""

    def __init__(self, app_id: str) -> None:
        self.rows: dict[str, Row] = {}
        self.versions: list[dict[str, tuple[Row, str | None]]] = []
        self._app_id = app_id
        self._known: dict[str, Known] = {}
        self._users: list[set[str]] = [{name} for name in IDS]

    def seal(self, sent: Sequence[Row]) -> None:
        """One seal of what came since the last one, resends among it."""
        new = {record["id"]: record for record in sent if record["id"] not in self.rows}
        groups: dict[tuple[str, str], list[Row]] = {}
        for record in sorted(new.values(), key=lambda r: parse_iso(r["time"])):
            groups.setdefault((actor_of(record), record["session_id"]), []).append(record)
        self._firsts(groups)
        aliases: list[set[str]] = []
        for (actor, session), records in sorted(groups.items(), key=lambda item: self._start(*item)):
            self._fragment(actor, session, records)
            aliases += [alias_of(record) for record in records if record.get("kind") == "alias"]
        for ids in aliases:
            touched = [user for user in self._users if user & ids]
            self._users = [user for user in self._users if not user & ids] + [set().union(*touched)]
        self.versions.append({name: (k.profile, k.user_id) for name, k in self._known.items() if k.changed})

    def _user(self, actor: str) -> set[str]:
        return next(user for user in self._users if actor in user)

    def _start(self, key: tuple[str, str], records: Sequence[Row]) -> int:
        known = self._known.get(key[0], Known()).sessions.get(key[1])
        return parse_iso(records[0]["time"]) if known is None else known.start

    def _firsts(self, groups: dict[tuple[str, str], list[Row]]) -> None:
        """First events, by time over all that the seal writes; and when new actors were first seen."""
        everything = sorted((r for records in groups.values() for r in records), key=lambda r: parse_iso(r["time"]))
        for record in everything:
            actor, time = actor_of(record), parse_iso(record["time"])
            own = self._known.setdefault(actor, Known(first_seen=time))
            row = self.rows[record["id"]] = {"id": record["id"], "first_seen": iso(own.first_seen)}
            had = set().union(*(self._known[a].names for a in self._user(actor) if a in self._known))
            if record["event"] not in had:
                row["until_first_ms"] = time - own.first_seen
                own.names.add(record["event"])

    def _fragment(self, actor: str, session: str, records: Sequence[Row]) -> None:
        own = self._known[actor]
        family = [self._known[a] for a in self._user(actor) if a in self._known]
        prior = {
            "prior_events": sum(k.events for k in family),
            "prior_sessions": sum(len(k.sessions) for k in family),
            "prior_states": sum(k.states for k in family),
            "prior_duration_ms": sum(s.end - s.start for k in family for s in k.sessions.values()),
        }
        self._say(own, records)
        times = [parse_iso(record["time"]) for record in records]
        held = own.sessions.setdefault(session, Session(times[0], times[-1]))
        held.end = max(held.end, times[-1])
        said = self._said(actor) | prior | {"fragment": held.fragments}
        held.fragments += 1
        own.events += len(records)
        own.states += sum(record.get("kind") in ("state", "screen") for record in records)
        for record in records:
            self.rows[record["id"]] |= said

    def _say(self, own: Known, records: Sequence[Row]) -> None:
        before = json.dumps(own.profile), own.user_id
        for record in records:
            for key, value in record.get("profile", {}).items():
                old = own.profile.get(key)
                own.profile = own.profile | {key: old | value if isinstance(old, dict) else value}
            if "device_id" in record and "user_id" in record:
                own.user_id = record["user_id"]
        if (json.dumps(own.profile), own.user_id) != before:
            own.changed = len(self.versions) + 1

    def _said(self, actor: str) -> Row:
        """The attributes and the registration of a user: the actor's own first, then by the last change."""
        others = [a for a in self._user(actor) - {actor} if a in self._known]
        others.sort(key=lambda a: (-self._known[a].changed, actor_hash(self._app_id, a)))
        attributes: Row = {}
        registered = None
        for name in (actor, *others):
            profile = self._known[name].profile
            attributes = profile.get("attributes", {}) | attributes
            registered = registered or profile.get("registered_at")
        found = {"registered_at": iso(parse_iso(registered) if registered else self._known[actor].first_seen)}
        return found | ({"user_attributes": attributes} if attributes else {})


def actor_of(record: Row) -> str:
    """The device, else the user."""
    actor: str = record.get("device_id") or record["user_id"]
    return actor


def alias_of(record: Row) -> set[str]:
    """All ids that an alias says are one user."""
    return {actor_of(record), record["params"]["previous_id"]} | ({record["user_id"]} if "user_id" in record else set())


def sent_of(drawn: Sequence[Sequence[Row]]) -> list[list[Row]]:
    """Records of each seal, every one at a time of its own."""
    return [[record_of(d, f"{n}-{place}", n * 100 + place) for place, d in enumerate(of)] for n, of in enumerate(drawn)]


def record_of(drawn: Row, id_: str, number: int) -> Row:
    """A record as it is sent."""
    device, user = drawn["who"]
    record = event(drawn["name"], T0 + drawn["minute"] * MINUTE + number, session=drawn["session"], id=id_)
    record |= {"device_id": device, "user_id": user, "kind": drawn["kind"], "profile": drawn["profile"]}
    if drawn["kind"] == "alias":
        record["params"] = {"previous_id": drawn["previous"]}
    return {key: value for key, value in record.items() if value is not None}


def check(house: House, scope: Scope, sent: Sequence[Sequence[Row]], fail: Iterator[bool]) -> None:
    """Send and seal, with resends and with commits that come to nothing, then compare rows and profiles."""
    house.settings.seal.dedupe_horizon_ms = 1 << 60  # what is sent here arrived long ago
    oracle = Oracle(scope.app_id)
    earlier: list[Row] = []
    for records in sent:
        assert send(house, scope, [*records, *earlier[:3], *records[:1]], at=T0 + DAY).rejected == []
        if next(fail):
            seal_in_vain(house, scope)
        seal(house, scope)
        oracle.seal(records)
        earlier += records
    _, rows = export(in_threads(house), scope, request(scope, columns=COLUMNS))
    assert {row["id"]: row for row in rows} == oracle.rows
    assert len(rows) == len(oracle.rows)
    check_versions(house, scope, oracle)


def seal_in_vain(house: House, scope: Scope) -> None:
    """A seal that has lost its shard when everything else of its transaction was done."""

    def lost(*_: Any) -> None:
        raise FenceLost("shard")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commits, "advance", lost)
        with pytest.raises(FenceLost):
            seal(house, scope)


def check_versions(house: House, scope: Scope, oracle: Oracle) -> None:
    """At each commit the profiles are those of that commit, whatever came later."""
    names = {actor_hash(scope.app_id, name): name for name in IDS}
    with house.database.read() as connection:
        for seq, expected in enumerate(oracle.versions, start=1):
            found: dict[bytes, Profile] = profiles_at(connection, scope, seq, names)
            assert {names[a]: (json.loads(p.text), p.user_id) for a, p in found.items()} == expected
            assert all(profile.seq <= seq for profile in found.values())


@settings(
    max_examples=examples(8),
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(drawn=seals, fail=st.lists(st.booleans(), min_size=4, max_size=4))
def test_rows_say_what_was_sealed_before_them(drawn: list[list[Row]], fail: list[bool]) -> None:
    """Over any seals, with resends, late events, identities and aliases, and with seals that come to nothing."""
    with opened(TestClock(T0 + DAY)) as house:
        check(house, scope_of_app(house.database, "app_waves"), sent_of(drawn), iter(fail))


def test_a_longer_history_on_each_database(house: House, scope: Scope) -> None:
    """The same for one longer history: what databases do differently is in none of it."""
    chance = random.Random(3)  # noqa: S311
    people = [("d1", None), ("d1", "u1"), ("d2", "u1"), ("d2", None), (None, "u1"), (None, "u2")]
    drawn = [[draw(chance, people) for _ in range(15)] for _ in range(4)]
    check(house, scope, sent_of(drawn), iter([False, True, False, True]))


def draw(chance: random.Random, people: Sequence[tuple[str | None, str | None]]) -> Row:
    """An event as `drawn_events` has them."""
    return {
        "who": chance.choice(people),
        "name": chance.choice("abc"),
        "kind": chance.choice([None, None, None, "state", "screen", "alias"]),
        "previous": chance.choice(IDS),
        "session": chance.choice(["s1", "s2"]),
        "minute": chance.randint(-400, 600),
        "profile": chance.choice(PROFILES),
    }
