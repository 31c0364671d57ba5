"""The same on PostgreSQL: rows are kept, let go, changed, repeated and sealed anew there, too."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from tailrace.accounts.audit import actor_of
from tailrace.db.engine import Database
from tailrace.delivery import run
from tailrace.delivery.destinations import delete_destination, list_destinations, make_destination
from tailrace.delivery.records import begin_due
from tailrace.delivery.refusals import refusal_link, refuse, refused
from tailrace.delivery.replay import of_export, replay
from tailrace.delivery.rotation import seal_anew
from tailrace.jobs.queue import claim
from tailrace.model.delivery import S3Copy, Webhook
from tailrace.model.errors import Taken
from tests.sending import principal
from tests.unit.delivery.dispatch import Dispatch, Receiver


@pytest.fixture(params=["postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """The other database."""
    name: str = request.param
    return name


def unsubscribe(database: Database, secret: str, space: int) -> bool:
    """Ana has enough; whether that is known."""
    signature = refusal_link(secret, "", space, "ana@example.com").rpartition("signature=")[2]
    for _ in range(2):  # twice is fine
        refuse(database, secret, space, "ana@example.com", signature)
    with database.read() as connection:
        return refused(connection, space, "ANA@example.com")


def test_deliveries_live_in_postgresql(dispatch: Dispatch, receiver: Receiver) -> None:
    """A webhook to a stored destination that is tried again, delivered and replayed, beside a copy that fails."""
    house, who = dispatch.house, principal(dispatch.house, dispatch.scope)
    make_destination(house.database, house.reception, who, "ops", Webhook(url=receiver.url), actor_of(who))
    with pytest.raises(Taken):
        make_destination(house.database, house.reception, who, "ops", Webhook(url=receiver.url), actor_of(who))
    receiver.answers = [500, 200]
    bucket = S3Copy(bucket="bucket", endpoint="http://10.0.0.1", access_key_id="i", secret_access_key="s")
    done = dispatch.export(Webhook(destination="ops", after_copies=True), bucket)
    assert seal_anew(house.database, house.vault) == 2
    assert dispatch.deliver() == 2
    dispatch.hurry()
    assert dispatch.deliver() == 1
    first = dispatch.standings(done)[0]
    replay(house.database, house.ids, who, first.id, actor_of(who))
    assert dispatch.deliver() == 1
    found = of_export(house.database, dispatch.scope, done.id)
    assert [one.standing.state for one in found] == ["delivered", "failed", "delivered"]
    assert [[tried.outcome for tried in one.attempts] for one in found] == [
        ["again", "delivered"],
        ["failed"],
        ["delivered"],
    ]
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 1
    assert [one.name for one in list_destinations(house.database, who, before=None, most=9)] == ["ops"]
    delete_destination(house.database, who, "ops", actor_of(who))
    assert unsubscribe(house.database, house.identity.secret, dispatch.scope.space)


def test_two_copies_that_end_at_once_let_go_what_waits_for_both(
    dispatch: Dispatch, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The later one sees that the earlier one has ended, or nobody would tell of either."""
    meeting = threading.Barrier(2, timeout=1)

    def meet(*arguments: Any) -> None:
        with suppress(threading.BrokenBarrierError):  # as long as one has the other wait
            meeting.wait()
        begin_due(*arguments)

    monkeypatch.setattr(run, "begin_due", meet)
    bucket = S3Copy(bucket="bucket", endpoint="http://10.0.0.1", access_key_id="i", secret_access_key="s")
    done = dispatch.export(Webhook(url=receiver.url, after_copies=True), bucket, bucket)
    courier = dispatch.house.courier()
    claimed = [claim(dispatch.house.database, "delivery", "test", 30_000) for _ in range(2)]
    with ThreadPoolExecutor(2) as threads:
        ended = [threads.submit(run.run_delivery, courier, job, dispatch.scope) for job in claimed if job]
        for one in ended:
            one.result()
    assert [one.state for one in dispatch.standings(done)] == ["pending", "failed", "failed"]
