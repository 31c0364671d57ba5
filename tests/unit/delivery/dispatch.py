"""A store whose exports are delivered by the test's own hand, and a receiver of what comes out."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from msgspec.structs import replace
from sqlalchemy import select

from tailrace.db.tables import deliveries, jobs
from tailrace.delivery.records import standings
from tailrace.delivery.replay import Logged, find_delivery
from tailrace.delivery.run import run_delivery
from tailrace.exports.records import Export
from tailrace.exports.submit import submit
from tailrace.jobs.queue import claim
from tailrace.model.access import Scope
from tailrace.model.delivery import Delivery, Standing
from tailrace.wiring import House
from tests.sending import principal, request, work


def with_settings(house: House, **values: Any) -> House:
    """The same store with other settings of deliveries."""
    made = house.settings.delivery.model_copy(update=values)
    return replace(house, settings=house.settings.model_copy(update={"delivery": made}))


@dataclass
class Dispatch:
    """A store with some events sealed; this machine's own addresses may be delivered to."""

    house: House
    scope: Scope

    def ask(self, *asked: Delivery, **more: Any) -> Export:
        """Submit an export with deliveries."""
        wanted = request(self.scope, deliveries=asked, **more)
        return submit(self.house.submitter(), principal(self.house, self.scope), self.scope, wanted)

    def export(self, *asked: Delivery, **more: Any) -> Export:
        """The same, and make it."""
        done = work(self.house, self.scope, self.ask(*asked, **more).id)
        assert done.state == "succeeded", done.error
        return done

    def deliver(self, most: int = 20) -> int:
        """Carry out what is due; how many attempts that were."""
        courier = self.house.courier()
        for count in range(most):
            job = claim(self.house.database, "delivery", "test", 30_000)
            if job is None:
                return count
            run_delivery(courier, job, self.scope)
        raise AssertionError("it does not end")

    def hurry(self) -> None:
        """Let no job wait any more."""
        with self.house.database.write() as connection:
            connection.execute(jobs.update().where(jobs.c.lane == "delivery").values(not_before=0))

    def standings(self, export: Export) -> list[Standing]:
        with self.house.database.read() as connection:
            return standings(connection, self.scope, export.id)

    def logged(self, delivery: str) -> Logged:
        return find_delivery(self.house.database, principal(self.house, self.scope), delivery)

    def row(self, delivery: str) -> Any:
        with self.house.database.read() as connection:
            return connection.execute(select(deliveries).where(deliveries.c.id == delivery)).one()

    def job_state(self, delivery: str) -> str:
        with self.house.database.read() as connection:
            return str(connection.scalar(select(jobs.c.state).where(jobs.c.subject == delivery)))


@dataclass
class Got:
    """A request that came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """A server that keeps what is posted, and answers as planned: statuses in order, the last one for ever."""

    url: str = ""
    got: list[Got] = field(default_factory=list)
    answers: list[int] = field(default_factory=lambda: [204])
    headers: dict[str, str] = field(default_factory=dict)
    before: Callable[[], None] = lambda: None

    def answer(self) -> int:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a port of this machine."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.got.append(Got(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            receiver.before()
            self.send_response(receiver.answer())
            for name, value in {"content-length": "0", **receiver.headers}.items():
                self.send_header(name, value)
            self.end_headers()

        do_GET = do_POST  # noqa: N815 - as the library calls it

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
