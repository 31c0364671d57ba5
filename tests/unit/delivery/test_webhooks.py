"""Webhooks: signed, tried again for a day, sent nowhere that they must not go."""

import base64
import hmac
import socket
import time
from typing import Any

import pytest
from sqlalchemy import select, update

from tailrace.accounts.audit import actor_of
from tailrace.db.tables import deliveries, exports, jobs
from tailrace.delivery.replay import replay
from tailrace.delivery.signing import key_of_space, signed_headers
from tailrace.exports.cancelling import cancel_export
from tailrace.exports.run import run_export
from tailrace.jobs.queue import claim
from tailrace.model.clock import DAY
from tailrace.model.delivery import Standing, Webhook
from tailrace.model.errors import Invalid
from tests.sending import principal
from tests.unit.delivery.dispatch import Dispatch, Receiver, with_settings

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


def standing(dispatch: Dispatch, export: Any) -> Standing:
    """The only delivery of an export."""
    (found,) = dispatch.standings(export)
    return found


def test_the_published_example_is_signed_as_published() -> None:
    """Key, id, time and body of the reference libraries' own tests give the signature that theirs expect."""
    key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    headers = signed_headers(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("secret", [SECRET, ""])
def test_a_webhook_tells_of_the_end_and_proves_who_says_so(dispatch: Dispatch, receiver: Receiver, secret: str) -> None:
    """One POST with the export's state; the signature is that of the key of the request, else of the space."""
    done = dispatch.export(Webhook(url=f"{receiver.url}/hook?x=1", secret=secret, base="https://t.example"))
    assert dispatch.deliver() == 1
    (got,) = receiver.got
    assert got.path == "/hook?x=1"
    assert got.headers["content-type"] == "application/json"
    assert (got.json["type"], got.json["data"]["id"], got.json["data"]["state"]) == (
        "export.succeeded",
        done.id,
        "succeeded",
    )
    key = base64.b64decode((secret or key_of_space(dispatch.house.identity.secret, dispatch.scope.space))[6:])
    said = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    expected = base64.b64encode(hmac.new(key, said, "sha256").digest()).decode()
    assert got.headers["webhook-signature"] == f"v1,{expected}"
    assert abs(int(got.headers["webhook-timestamp"]) - time.time()) < 60
    found = standing(dispatch, done)
    assert (found.state, found.id, found.where) == ("delivered", got.headers["webhook-id"], receiver.url)
    assert dispatch.job_state(found.id) == "done"
    assert dispatch.deliver() == 0


def test_a_failed_export_is_told_of_and_a_cancelled_one_is_not(dispatch: Dispatch, receiver: Receiver) -> None:
    """Failure is news; whoever cancels knows."""
    house, scope = dispatch.house, dispatch.scope
    cancelled = dispatch.ask(Webhook(url=receiver.url))
    cancel_export(house.database, principal(house, scope), cancelled.id)
    assert standing(dispatch, cancelled).state == "void"
    failing = dispatch.ask(Webhook(url=receiver.url))
    with house.database.write() as connection:
        connection.execute(update(exports).where(exports.c.id == failing.id).values(request="{}"))
    with house.runner() as runner:
        job = claim(house.database, "export", "test", runner.lease_ms)
        assert job is not None
        run_export(runner, job)
    assert standing(dispatch, failing).state == "pending"
    with house.database.write() as connection:  # what was broken for the test is mended
        request = connection.scalar(select(exports.c.request).where(exports.c.id == cancelled.id))
        connection.execute(update(exports).where(exports.c.id == failing.id).values(request=request))
    assert dispatch.deliver() == 1
    assert [got.json["type"] for got in receiver.got] == ["export.failed"]


def test_it_is_tried_again_with_growing_pauses_under_one_id(dispatch: Dispatch, receiver: Receiver) -> None:
    """Errors and redirects are no success and are not followed; the export is made once, whatever its webhook does."""
    receiver.answers, receiver.headers = [500, 302, 404, 200], {"location": "/elsewhere"}
    done = dispatch.export(Webhook(url=f"{receiver.url}/hook"))
    pauses = []
    for _ in range(3):
        assert dispatch.deliver() == 1
        found = standing(dispatch, done)
        assert found.state == "pending"
        with dispatch.house.database.read() as connection:
            now = dispatch.house.database.now(connection)
            due = connection.scalars(select(jobs.c.not_before).where(jobs.c.subject == found.id)).one()
            pauses.append(due - now)
        dispatch.hurry()
    assert dispatch.deliver() == 1
    first = dispatch.house.settings.delivery.first_pause_ms
    for number, pause in enumerate(pauses):
        assert 0.7 * first * 3**number < pause < 1.3 * first * 3**number
    assert {got.path for got in receiver.got} == {"/hook"}
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 1
    found = standing(dispatch, done)
    assert (found.state, found.error) == ("delivered", None)
    assert [(a.outcome, a.why) for a in dispatch.logged(found.id).attempts] == [
        ("again", "the receiver answered 500"),
        ("again", "the receiver answered 302"),
        ("again", "the receiver answered 404"),
        ("delivered", None),
    ]


def test_after_a_day_it_is_given_up_and_at_410_at_once(dispatch: Dispatch, receiver: Receiver) -> None:
    """A receiver that is away for a day gets no more; one that is gone for good says so itself."""
    receiver.answers = [503]
    late = dispatch.export(Webhook(url=receiver.url))
    assert dispatch.deliver() == 1
    dispatch.hurry()
    with dispatch.house.database.write() as connection:
        connection.execute(update(deliveries).values(began_at=deliveries.c.began_at - DAY))
    assert dispatch.deliver() == 1
    assert (standing(dispatch, late).state, standing(dispatch, late).error) == ("failed", "the receiver answered 503")
    receiver.answers = [410]
    gone = dispatch.export(Webhook(url=receiver.url))
    assert dispatch.deliver() == 1
    assert standing(dispatch, gone).state == "failed"
    assert len(receiver.got) == 3


def test_a_replay_is_a_delivery_of_its_own_with_the_same_message(dispatch: Dispatch, receiver: Receiver) -> None:
    """The log keeps both; the receiver can tell that it is the same. What has not ended cannot be replayed."""
    house, who = dispatch.house, principal(dispatch.house, dispatch.scope)
    done = dispatch.export(Webhook(url=receiver.url))
    first = standing(dispatch, done)
    with pytest.raises(Invalid, match="pending"):
        replay(house.database, house.ids, who, first.id, actor_of(who))
    dispatch.deliver()
    again = replay(house.database, house.ids, who, first.id, actor_of(who)).standing
    assert (again.state, again.replay_of) == ("pending", first.id)
    assert dispatch.deliver() == 1
    assert [one.state for one in dispatch.standings(done)] == ["delivered", "delivered"]
    assert [got.headers["webhook-id"] for got in receiver.got] == [first.id, first.id]
    assert receiver.got[0].body == receiver.got[1].body


def test_private_addresses_are_refused_after_resolution(
    dispatch: Dispatch, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that leads to this machine is refused before a byte is sent, be it one address of several."""
    strict = Dispatch(with_settings(dispatch.house, allow_networks=""), dispatch.scope)
    port = int(receiver.url.rpartition(":")[2])
    real = socket.getaddrinfo

    def resolve(host: str, *more: Any, **other: Any) -> Any:
        addresses = {"inside.example": ["93.184.216.34", "127.0.0.1"]}.get(host, [host])
        return [entry for address in addresses for entry in real(address, *more, **other)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    urls = [f"http://inside.example:{port}/", receiver.url, f"http://[::ffff:127.0.0.1]:{port}/", "http://0x7f000001/"]
    done = strict.export(*[Webhook(url=url) for url in urls])
    strict.deliver()
    assert receiver.got == []
    for found in strict.standings(done):
        assert found.state == "failed", found
        assert "not of the public Internet" in (found.error or "")


def test_a_name_that_changes_its_mind_gains_nothing(
    dispatch: Dispatch, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is resolved once per connection, and what was judged is what is connected to: a second answer is not asked."""
    asked: list[str] = []
    connected: list[Any] = []
    real, connect = socket.getaddrinfo, socket.create_connection

    def resolve(host: str, *more: Any, **other: Any) -> Any:
        if host == "rebind.example":
            asked.append(host)
            host = "127.0.0.1" if len(asked) == 1 else "10.0.0.1"
        return real(host, *more, **other)

    def create(address: Any, *more: Any, **other: Any) -> Any:
        connected.append(address[0])
        return connect(address, *more, **other)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket, "create_connection", create)
    dispatch.export(Webhook(url=f"http://rebind.example:{receiver.url.rpartition(':')[2]}/"))
    dispatch.deliver()
    assert (asked, connected) == (["rebind.example"], ["127.0.0.1"])
    assert receiver.got[0].headers["host"].startswith("rebind.example:")


def test_a_receiver_that_dawdles_is_left(dispatch: Dispatch, receiver: Receiver) -> None:
    """The whole exchange has its time, however slowly an answer comes."""
    quick = Dispatch(with_settings(dispatch.house, timeout_ms=200), dispatch.scope)
    receiver.before = lambda: time.sleep(1)
    done = quick.export(Webhook(url=receiver.url))
    quick.deliver()
    assert "did not answer: ReadTimeout" in (standing(quick, done).error or "")


def test_what_cannot_be_is_refused_by_its_key(dispatch: Dispatch) -> None:
    """And no export is made; the value is not repeated, for it may be a credential."""
    cases = [
        ("url", Webhook(url="ftp://x.example/SECRET")),
        ("url", Webhook(url="http://u:SECRET@x.example/")),
        ("url", Webhook(url="http://x.example/ä")),
        ("url", Webhook(url="http://x.example:0/")),
        ("url", Webhook(url="http://[x/")),
        ("url", Webhook()),
        ("secret", Webhook(url="http://x.example/", secret="whsec_c2hvcnQ=")),
        ("secret", Webhook(url="http://x.example/", secret="SECRET")),
        ("destination", Webhook(destination="none")),
        ("url", Webhook(destination="none", url="http://x.example/")),
    ]
    for key, asked in cases:
        with pytest.raises(Invalid) as refused:
            dispatch.ask(asked)
        assert refused.value.where == f"deliveries[0].{key}"
        assert "SECRET" not in str(refused.value)
    with dispatch.house.database.read() as connection:
        assert connection.execute(select(exports.c.id)).all() == []
