"""A world: a store, the processes that serve it, clients that remember what was acknowledged, and a clock."""

import os
import re
import secrets
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar
from unittest.mock import patch

import httpx
import psycopg
from botocore.exceptions import BotoCoreError, ClientError

from tailrace.config import SETTINGS_FILE
from tailrace.model.clock import iso, parse_iso
from tailrace.wiring import House, open_house
from tests.crash.backends import Backend, Row, Stands
from tests.crash.daemons import KILL_AT, SIGNS, TAIL, WAIT_AT, Daemon, Role, processes_with
from tests.servers import free_port

Found = TypeVar("Found")

LEASE_MS = 1_500
SILENCE = 200  # after which sessions are complete, ms
WAIT_S = 60
MOST_DEATHS = 20
# What a worker says of the death of a slice process, and exit codes that are nobody's wish.
_DIED = re.compile(r"event=slices\.process_died code=(-?\d+)")
_CRASHES = {-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGFPE, -signal.SIGILL}
# What is away now and may be back soon.
_AWAY = (httpx.TransportError, sqlite3.OperationalError, psycopg.OperationalError, BotoCoreError, ClientError)

# Sessions close soon, seals and sweeps come often and leases end soon; the grace is the usual hour.
SETTINGS = f"""
test_clock = "{{clock}}"
[seal]
inactivity_ms = {{silence}}
interval_ms = {{pace}}
lease_ms = {LEASE_MS}
[exports]
running = 2
lease_ms = {LEASE_MS}
max_attempts = 5
cache_bytes = {{cache}}
[jobs]
turn_ms = 300
[upkeep]
interval_ms = {{sweeps}}
lease_ms = {LEASE_MS}
"""


@dataclass
class Tenant:
    """An app and what its clients know: the records that were acknowledged, by id."""

    app: str
    write_key: str
    token: str
    acknowledged: dict[str, Row] = field(default_factory=dict)

    @property
    def read(self) -> dict[str, str]:
        """Headers of who asks for exports."""
        return {"authorization": f"Bearer {self.token}"}


class World:
    """Use it as a block: nothing of it runs afterwards. `silence`: ms after which sessions are complete."""

    def __init__(self, folder: Path, stands: Stands, *, cache: bool = False, silence: int = SILENCE) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.signs = folder / "signs"
        self.clock = folder / "clock"
        self.ahead = 0  # of the real clock, ms
        self.waves = Tenant("app_waves", "wk_waves", "tok_ana")
        self.other = Tenant("app_other", "wk_other", "tok_bob")
        self.tenants = (self.waves, self.other)
        self.daemons: list[Daemon] = []
        self.codes: list[int] = []  # of processes that were found dead
        self.at_death: Callable[[], object] = lambda: None  # before anything is started again
        self._stands = stands
        self._mark = secrets.token_hex(8)
        self._port = free_port()
        self._tending = threading.Lock()
        self.url = f"http://127.0.0.1:{self._port}"
        self.http = httpx.Client(base_url=self.url, timeout=20)
        self.door = self.http  # where events are sent, which may be a proxy
        self.signs.mkdir(parents=True)
        self.backend: Backend = stands.make(self.data)
        settings = SETTINGS.format(
            clock=self.clock,
            cache=1 << 30 if cache else 0,
            silence=silence,
            pace=stands.pace_ms,
            sweeps=20 * stands.pace_ms,
        )
        (self.data / SETTINGS_FILE).write_text(self.backend.settings + settings)

    # --- processes

    def run(self, role: Role, *, kill: str = "", wait: str = "", every: bool = False) -> Daemon:
        """Start a command and wait until it is ready, see `launch`."""
        daemon = self.launch(role, kill=kill, wait=wait, every=every)
        self.ready()
        return daemon

    def launch(self, role: Role, *, kill: str = "", wait: str = "", every: bool = False) -> Daemon:
        """Start a command. At a named point it is killed, or its thread waits, once.

        At each of several points, separated by commas, it is killed once, also when it was started again meanwhile.
        `every`: each process of it that comes to the point is killed.
        """
        number = len(self.daemons)
        environment = {**self.backend.environment, "TAILRACE_TEST_WORLD": self._mark}
        daemon = Daemon(role, self.data, self._port, self.folder / f"{role}-{number}.log", environment)
        arms = {KILL_AT: kill, WAIT_AT: wait}
        arms = {variable: point for variable, point in arms.items() if point}
        daemon.start(arms if every else {**arms, SIGNS: str(self.signs)})
        self.daemons.append(daemon)
        return daemon

    def ready(self) -> None:
        """Wait until every command is ready."""
        self.until("everyone is ready", lambda: all(self._ready(daemon) for daemon in self.daemons))

    def _ready(self, daemon: Daemon) -> bool:
        if daemon.role == "worker":
            return daemon.said("worker.ready")
        return self.http.get("/healthz").status_code == 200

    def tend(self) -> None:
        """Start again what has died, as a supervisor does. It must not have died by itself."""
        with self._tending:
            for daemon in self.daemons:
                code = daemon.process.poll()
                if code is not None:
                    self.codes.append(code)
                    daemon.check_death(code)
                    assert len(self.codes) <= MOST_DEATHS, self.told()
                    self.at_death()
                    daemon.start_again()

    def killed(self, point: str) -> bool:
        """Whether a process was killed at its point."""
        return (self.signs / f"kill.{_name(point)}").exists()

    def waits(self, point: str) -> None:
        """Wait until a thread has come to its point, where it waits in turn."""
        sign = self.signs / f"wait.{_name(point)}"
        self.until(f"a thread comes to {point}", sign.exists)

    def go_on(self, point: str) -> None:
        """Let the thread go on that waits at a point."""
        (self.signs / f"wait.{_name(point)}").unlink()

    def freeze(self, daemon: Daemon) -> None:
        """Stop a process when it holds no lock of SQLite: nobody could do anything else.

        It may die just then: what is started in its place is stopped, since it could not start without the lock.
        """

        def stopped() -> bool:
            daemon.signal(signal.SIGSTOP)
            return daemon.standing

        with self.backend.locked():
            self.until("it stands still", stopped)

    def stop(self) -> list[int]:
        """End all processes in order; their exit codes. No process that they made may be left.

        One that was just started again knows no order yet, so it is waited for.
        """
        self.ready()
        self.check_slices()
        daemons, self.daemons = self.daemons, []
        for daemon in daemons:
            daemon.process.terminate()
        codes = [daemon.process.wait(WAIT_S) for daemon in daemons]
        self.until("every process is gone", lambda: not self.processes())
        return codes

    def check_slices(self) -> None:
        """No slice process has crashed, as their workers' logs tell."""
        for daemon in self.daemons:
            codes = {int(code) for code in _DIED.findall(daemon.log.read_text())}
            assert not codes & _CRASHES, f"a slice process died by itself, one of {codes}:\n{self.told()}"

    def kill(self) -> None:
        """Kill whatever runs."""
        for daemon in self.daemons:
            daemon.process.kill()
            daemon.process.wait()
        for process in self.processes():
            os.kill(process, signal.SIGKILL)

    def processes(self) -> list[int]:
        """All processes that belong to this world."""
        return processes_with("TAILRACE_TEST_WORLD", self._mark)

    def __enter__(self) -> "World":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.http.close()
        self._stands.drop(self.backend)

    # --- time

    def until(self, what: str, condition: Callable[[], Found], seconds: float = WAIT_S) -> Found:
        """Wait for something that is true in the end, while the dead are started again; say loudly if it never is."""
        end = time.monotonic() + seconds
        while True:
            self.tend()
            try:
                if found := condition():
                    return found
            except _AWAY:
                pass
            if time.monotonic() > end:
                raise AssertionError(f"in {seconds} s it never came that {what}\n{self.told()}")
            time.sleep(0.02)

    @property
    def now(self) -> int:
        """The present by the clock of all processes, ms UTC."""
        return time.time_ns() // 1_000_000 + self.ahead

    def jump(self, ms: int) -> None:
        """Set the clock of all processes so far from the real one."""
        self.ahead = ms
        new = self.clock.with_suffix(".new")
        new.write_text(str(ms))
        new.rename(self.clock)

    # --- clients

    def send(self, tenant: Tenant, records: Sequence[Row], *, wrong: int = 0) -> None:
        """Send a batch until it is acknowledged, as clients do: a lost answer means to send it again.

        `wrong`: the sender's clock is so many ms ahead, and the batch says when it was sent.
        """

        def acknowledged() -> bool:
            headers = {"authorization": f"Bearer {tenant.write_key}"}
            answer = self.door.post("/v1/events", json=_told(records, self.now, wrong), headers=headers)
            if answer.status_code == 429 or answer.status_code >= 500:
                return _wait_as_told(answer)
            assert answer.status_code == 200, answer.text
            assert answer.json() == {"received": len(records), "accepted": len(records), "rejected": []}
            return True

        self.until("a batch is acknowledged", acknowledged)
        tenant.acknowledged |= {record["id"]: record for record in records}

    def ask(self, tenant: Tenant, **asked: Any) -> str:
        """Ask for an export until it is taken; its id."""

        def taken() -> str | None:
            answer = self.http.post("/v1/exports", json={"app": tenant.app} | asked, headers=tenant.read)
            if answer.status_code >= 500:
                return None
            assert answer.status_code == 202, answer.text
            return str(answer.json()["id"])

        return self.until("an export is taken", taken) or ""

    def get(self, tenant: Tenant, path: str) -> httpx.Response:
        """Ask until there is an answer."""

        def answer() -> httpx.Response | None:
            found = self.http.get(path, headers=tenant.read)
            return found if found.status_code < 500 else None

        found = self.until(f"{path} is answered", answer)
        assert found is not None
        assert found.status_code == 200, found.text
        return found

    def cancel(self, tenant: Tenant, export: str) -> Row:
        """Cancel an export; what the answer says of it."""

        def answer() -> Row | None:
            found = self.http.delete(f"/v1/exports/{export}", headers=tenant.read)
            return found.json() if found.status_code < 500 else None

        return self.until("a cancel is answered", answer) or {}

    def manifest(self, tenant: Tenant, export: str) -> Row:
        """The manifest of an export that has succeeded."""
        found: Row = self.get(tenant, f"/v1/exports/{export}/manifest").json()
        return found

    # --- what became of it

    def sealed(self) -> None:
        """Wait until all that is acknowledged by now is sealed."""
        for tenant in self.tenants:
            self._sealed(tenant, len(tenant.acknowledged))

    def _sealed(self, tenant: Tenant, count: int) -> None:
        self.until(f"all of {tenant.app} is sealed", lambda: self._events(tenant) >= count)

    def _events(self, tenant: Tenant) -> int:
        query = "SELECT a.id, h.events FROM app_heads h JOIN apps a ON a.number = h.app"
        return {row["id"]: int(row["events"]) for row in self.backend.rows(query)}[tenant.app]

    def finished(self, *exports: str) -> list[Row]:
        """Wait for the end of some exports, or of all that there are; their rows."""

        def ended() -> list[Row]:
            found = self.exports(*exports)
            return found if all(row["state"] not in ("queued", "running") for row in found) else []

        if not exports and not self.until("the exports are there", lambda: [self.exports()])[0]:
            return []
        return self.until("the exports have ended", ended)

    def exports(self, *ids: str) -> list[Row]:
        """Exports as rows, some or all, oldest first."""
        rows = self.backend.rows("SELECT e.*, a.id AS app_id FROM exports e JOIN apps a ON a.number = e.app")
        return [row for row in rows if not ids or row["id"] in ids]

    @contextmanager
    def house(self) -> Iterator[House]:
        """The store, opened in this process."""
        with patch.dict(os.environ, self.backend.environment), open_house(self.data) as house:
            yield house

    def told(self) -> str:
        """What there is to see when something is wrong."""
        logs = [f"--- {path.name}\n{path.read_text()[-TAIL:]}" for path in sorted(self.folder.glob("*.log"))]
        queries = (
            "SELECT id, state, slices, slices_done, snapshot, error FROM exports",
            "SELECT lane, subject, state, attempt, failures, fence, cancel, outcome, error FROM jobs",
        )
        try:
            rows = [str(row) for query in queries for row in self.backend.rows(query)]
        except _AWAY as error:
            rows = [repr(error)]
        return "\n".join([f"the world lies in {self.folder}; dead: {self.codes}", *logs, *rows])


def _told(records: Sequence[Row], now: int, wrong: int) -> Row:
    """The body of a batch by a clock that is wrong by so much."""
    if not wrong:
        return {"batch": list(records)}
    batch = [record | {"time": iso(parse_iso(record["time"]) + wrong)} for record in records]
    return {"batch": batch, "sent_at": iso(now + wrong)}


def _wait_as_told(answer: httpx.Response) -> Literal[False]:
    """Wait as long as a refusal says, but no more than a second. No refusal may ask for more than half a minute."""
    seconds = int(answer.headers.get("retry-after", 0))
    assert 0 <= seconds <= 30, answer.headers
    time.sleep(min(seconds, 1))
    return False


def _name(point: str) -> str:
    return point.split(":")[0]
