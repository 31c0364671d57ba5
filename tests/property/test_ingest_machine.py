"""Whatever is sent, resent, late, sealed and exported in whatever order: each event comes out once.

A state machine on SQLite drives two apps through accept, inbox, seal and export, and counts what was sent.
"""

import atexit
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from tailrace.accounts.lookup import scope_of_app
from tailrace.db.engine import Database
from tailrace.ingest.cutting import Bounds
from tailrace.ingest.sealing import seal_due, seal_everything
from tailrace.model.access import Scope
from tailrace.model.clock import DAY, HOUR, MINUTE, SECOND, parse_iso
from tailrace.store.ledger import ledger
from tailrace.wiring import House, open_house
from tests.conftest import PROVISIONING, TestClock
from tests.effort import examples
from tests.sending import T0, Row, event, export, request, send
from tests.templates import Template, make_template

MEMORY = Path("/dev/shm")  # where there is one: this is not about durability
APPS = ("app_waves", "app_tides")
BOUNDS = Bounds(fragment_events=2, fragment_bytes=400, segment_events=3, segment_bytes=800)
COLUMNS = (
    *("id", "time", "session_id", "session_start", "session_duration_ms", "fragment", "number", "session_number"),
    *("actor", "prior_events", "prior_sessions", "prior_duration_ms"),
)


@dataclass
class App:
    """What is known of one app: what was sent, how often, and what its chain of exports brought."""

    scope: Scope
    sent: list[Row] = field(default_factory=list)
    accepted: int = 0
    cursor: str | None = None
    rows: list[Row] = field(default_factory=list)


@cache
def template() -> Template:
    """A provisioned SQLite store, made once; its folder goes with the process."""
    folder = TemporaryDirectory()
    atexit.register(folder.cleanup)
    return make_template(Path(folder.name) / "data", "", PROVISIONING)


@contextmanager
def opened(clock: TestClock) -> Iterator[House]:
    """A copy of it by a clock of the test's own."""
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as directory:
        data = Path(directory) / "data"
        template().copy(data, "")
        with open_house(data) as house:
            database = Database(house.database.meta, house.database.inbox, clock)
            yield replace(house, clock=clock, database=database)


events = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["a", "b"]),
        "device": st.sampled_from(["d1", "d2", "d3"]),
        "session": st.sampled_from([None, None, "s1", "s2"]),
        "age": st.sampled_from([0, SECOND, 20 * MINUTE, 31 * MINUTE, 5 * HOUR, 23 * HOUR, 2 * DAY, -HOUR]),
        "ended": st.sampled_from([False, False, False, True]),
    }
)


class Ingest(RuleBasedStateMachine):
    """Rules are what clients, workers and time do."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = TestClock(T0)
        self._opened = opened(self.clock)
        self.house = self._opened.__enter__()
        self.apps = [App(scope_of_app(self.house.database, name)) for name in APPS]

    @initialize(batch=st.lists(events, min_size=3, max_size=5))
    def begin(self, batch: Sequence[Row]) -> None:
        """Nothing is interesting without events."""
        for number in range(len(APPS)):
            self.send(number, batch)

    @rule(app=st.sampled_from([0, 0, 1]), batch=st.lists(events, min_size=1, max_size=5))
    def send(self, app: int, batch: Sequence[Row]) -> None:
        """New events, some of them late, in any of the sessions."""
        mine = self.apps[app]
        new = []
        for place, drawn in enumerate(batch):
            record = event(
                drawn["name"],
                self.clock.time - drawn["age"],
                device=drawn["device"],
                session=drawn["session"],
                id=f"{app}/{len(mine.sent) + place}",
            )
            new.append(record | ({"session": {"end": True}} if drawn["ended"] else {}))
        mine.sent += new
        self.deliver(mine, new)

    @rule(app=st.sampled_from([0, 1]), data=st.data())
    def resend(self, app: int, data: st.DataObject) -> None:
        """A client that had no answer sends again what it sent at any time before, in any order."""
        mine = self.apps[app]
        self.deliver(mine, data.draw(st.lists(st.sampled_from(mine.sent), min_size=1, max_size=6)))

    def deliver(self, app: App, records: Sequence[Row]) -> None:
        """Send; every record is good, so every one must be accepted."""
        assert send(self.house, app.scope, records).rejected == []
        app.accepted += len(records)

    @rule(by=st.sampled_from([SECOND, 10 * MINUTE, 31 * MINUTE, 6 * HOUR, DAY]))
    def wait(self, by: int) -> None:
        """Time passes."""
        self.clock.time += by

    @rule(app=st.sampled_from([0, 1]), everything=st.sampled_from([False, False, True]))
    def seal(self, app: int, *, everything: bool) -> None:
        """A worker seals what is due, or an operator all of it."""
        self.seal_app(self.apps[app], everything=everything)

    def seal_app(self, app: App, *, everything: bool) -> None:
        """Seal with bounds so low that nearly every session is cut, and over segments too."""
        sealer = replace(self.house.sealer(), bounds=BOUNDS)
        all_of_it = seal_everything(sealer, [app.scope], "test", close_all=True)
        for _ in all_of_it if everything else seal_due(sealer, [app.scope], "test"):
            pass

    @rule(app=st.sampled_from([0, 1]))
    def export_on(self, app: int) -> None:
        """The next increment of the chain: no event that was there before, and totals that join."""
        mine = self.apps[app]
        manifest, rows = export(self.house, mine.scope, request(mine.scope, columns=COLUMNS, after=mine.cursor))
        assert manifest["totals_before"]["events"] == len(mine.rows)
        mine.rows += rows
        assert manifest["totals_after"]["events"] == len(mine.rows)
        mine.cursor = manifest["cursor"]
        assert max(Counter(row["id"] for row in mine.rows).values(), default=0) <= 1

    @invariant()
    def the_ledger_holds(self) -> None:
        """At each step, and it counts what was sent."""
        for app in self.apps:
            found = ledger(self.house.database, app.scope)
            assert found.holds, found
            assert (found.received, found.accepted, found.dead_letters) == (app.accepted, app.accepted, 0)

    def teardown(self) -> None:
        """Seal all, follow each chain to its end, and compare with what was sent."""
        try:
            for number, app in enumerate(self.apps):
                self.seal_app(app, everything=True)
                self.export_on(number)
                check_events(app)
                check_sessions(app)
                check_prior(app)
                found = ledger(self.house.database, app.scope)
                assert (found.sealed, found.open) == (len(app.sent), 0)
                assert found.duplicates == app.accepted - len(app.sent)
        finally:
            self._opened.__exit__(None, None, None)


def check_events(app: App) -> None:
    """The union of the increments is what was sent, each once, with its own time; numbers are dense."""
    times = {record["id"]: parse_iso(record["time"]) for record in app.sent}
    assert Counter(row["id"] for row in app.rows) == Counter(list(times))
    assert all(parse_iso(row["time"]) == times[row["id"]] for row in app.rows)
    assert sorted(row["number"] for row in app.rows) == list(range(len(app.rows)))


def check_sessions(app: App) -> None:
    """Each session has one id, one actor, one start and fragments 0, 1, 2 …, and is shorter than a day."""
    sessions: dict[int, list[Row]] = defaultdict(list)
    for row in app.rows:
        sessions[row["session_number"]].append(row)
    devices = {record["id"]: (record["device_id"], record.get("session_id")) for record in app.sent}
    for rows in sessions.values():
        assert len({(row["session_id"], row["session_start"]) for row in rows}) == 1
        assert len({devices[row["id"]] for row in rows}) == 1
        fragments = {row["fragment"] for row in rows}
        assert fragments == set(range(len(fragments)))
        assert all(0 <= row["session_duration_ms"] < DAY for row in rows)


def check_prior(app: App) -> None:
    """Each fragment counts what its actor has under smaller numbers, which are the order of seals."""
    fragments: dict[tuple[int, int], list[Row]] = defaultdict(list)
    for row in sorted(app.rows, key=lambda row: row["number"]):
        fragments[row["session_number"], row["fragment"]].append(row)
    events: Counter[str] = Counter()
    times: dict[str, dict[int, int]] = defaultdict(dict)
    for (session, _), rows in fragments.items():
        actor = rows[0]["actor"]
        expected = events[actor], len(times[actor]), sum(times[actor].values())
        assert {(r["prior_events"], r["prior_sessions"], r["prior_duration_ms"]) for r in rows} == {expected}
        events[actor] += len(rows)
        times[actor][session] = rows[0]["session_duration_ms"]


TestIngest = Ingest.TestCase
# Without shrinking: a failure is printed as it was found, at once.
TestIngest.settings = settings(
    max_examples=examples(7),
    stateful_step_count=14,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
