"""Mail: what a real SMTP server gets."""

import email
import email.policy
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from msgspec.structs import replace
from pydantic import SecretStr
from sqlalchemy import update

from tailrace.accounts.limits import set_limits
from tailrace.db.tables import exports
from tailrace.delivery.refusals import refuse
from tailrace.exports.records import Export
from tailrace.model.delivery import Mail, Standing
from tailrace.model.errors import Invalid, Unauthorized
from tests.servers import free_port
from tests.unit.delivery.dispatch import Dispatch

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # here nobody listens

ANA = "ana@example.com"
BASE = "https://t.example"


@dataclass
class Postbox:
    """What came in; `answer` is what the server says after a message."""

    port: int
    messages: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    answer: str = "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - the library's name
        if self.answer.startswith("250"):
            message = email.message_from_bytes(envelope.content, policy=email.policy.default)
            assert isinstance(message, EmailMessage)
            self.messages.append(message)
            self.recipients.append(envelope.rcpt_tos)
        return self.answer


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    """An SMTP server that wants a password."""
    box = Postbox(free_port())

    def login(_server: Any, _session: Any, _envelope: Any, _how: str, given: Any) -> AuthResult:
        return AuthResult(success=given == LoginPassword(b"mailer", b"mail-password"), handled=False)

    controller = Controller(
        box, hostname="127.0.0.1", port=box.port, authenticator=login, auth_required=True, auth_require_tls=False
    )
    controller.start()
    yield box
    controller.stop()


def mailing(dispatch: Dispatch, box: Postbox, **more: Any) -> Dispatch:
    """The same store with a mail server."""
    values: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": box.port,
        "encryption": "none",
        "user": "mailer",
        "password": "mail-password",
    }
    values |= {"sender": "t@t.example"} | more
    values["password"] = SecretStr(values["password"])
    mail = dispatch.house.settings.mail.model_copy(update=values)
    settings = dispatch.house.settings.model_copy(update={"mail": mail, "public_url": f"{BASE}/"})
    house = replace(dispatch.house, settings=settings)
    return Dispatch(house, dispatch.scope)


def standing(dispatch: Dispatch, export: Export) -> Standing:
    (found,) = dispatch.standings(export)
    return found


def parts(message: EmailMessage) -> tuple[str, str]:
    """Text and HTML."""
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    return plain.get_content(), html.get_content()


def test_mail_tells_of_success_with_a_link_to_the_page(dispatch: Dispatch, postbox: Postbox) -> None:
    """As text and as HTML, from the configured sender; no link to a file is in it, and no signature but that of
    unsubscribing.
    """
    sending = mailing(dispatch, postbox)
    done = sending.export(Mail(to=(ANA,)))
    assert sending.deliver() == 1
    assert standing(sending, done).state == "delivered"
    assert postbox.recipients == [[ANA]]
    (message,) = postbox.messages
    assert (message["from"], message["to"]) == ("t@t.example", ANA)
    assert message["message-id"] == f"<{standing(sending, done).id}@t.example>"
    for body in parts(message):
        assert f"{BASE}/portal/downloads/{done.id}" in body
        assert "/files/" not in body
        assert body.count("signature=") == body.count("unsubscribe?")
    assert "<a href=" in parts(message)[1]


def test_mail_tells_of_failure_and_escapes_what_it_says(dispatch: Dispatch, postbox: Postbox) -> None:
    """The error of the export, as text; in HTML nothing of it is markup."""
    sending = mailing(dispatch, postbox)
    done = sending.export(Mail(to=(ANA,)))
    with sending.house.database.write() as connection:
        values = {"state": "failed", "error": "<b>broken</b> & gone"}
        connection.execute(update(exports).where(exports.c.id == done.id).values(**values))
    sending.deliver()
    (message,) = postbox.messages
    assert message["subject"] == "Export of app_waves failed"
    plain, html = parts(message)
    assert "<b>broken</b> & gone" in plain
    assert "&lt;b&gt;broken&lt;/b&gt; &amp; gone" in html


def test_who_unsubscribes_gets_no_more(dispatch: Dispatch, postbox: Postbox) -> None:
    """The link works without any credential, for its own address alone; others still get mail."""
    sending = mailing(dispatch, postbox, allow_domains="friends.example")
    sending.export(Mail(to=(ANA,)))
    sending.deliver()
    link = urlsplit(postbox.messages[0]["list-unsubscribe"].strip("<>"))
    query = {name: values[0] for name, values in parse_qs(link.query).items()}
    assert postbox.messages[0]["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    secret, space = sending.house.identity.secret, int(query["space"])
    with pytest.raises(Unauthorized):
        refuse(sending.house.database, secret, space, "bob@friends.example", query["signature"])
    refuse(sending.house.database, secret, space, query["address"], query["signature"])
    both = sending.export(Mail(to=("ANA@example.com", "bob@friends.example")))
    alone = sending.export(Mail(to=(ANA,)))
    sending.deliver()
    assert postbox.recipients[1:] == [["bob@friends.example"]]
    assert [one.state for one in sending.standings(both)] == ["void", "delivered"]
    assert standing(sending, alone).state == "void"


def test_the_rate_is_bounded_and_what_is_too_much_comes_later(dispatch: Dispatch, postbox: Postbox) -> None:
    """Waiting for it is no failure and no attempt."""
    sending = mailing(dispatch, postbox)
    with sending.house.database.write() as connection:
        set_limits(connection, {"mail.burst": 1, "mail.refill_per_minute": 1})
    first, second = (sending.export(Mail(to=(ANA,))) for _ in range(2))
    assert sending.deliver() == 2
    assert len(postbox.messages) == 1
    assert [standing(sending, done).state for done in (first, second)] == ["delivered", "pending"]
    assert sending.logged(standing(sending, second).id).attempts == []


@pytest.mark.parametrize(
    ("answer", "password", "state", "why"),
    [
        ("451 try later", "mail-password", "pending", "answered 451"),
        ("550 no such user secret-in-answer", "mail-password", "failed", "refuses: 550"),
        ("250 OK", "wrong-password", "failed", "refuses: 535"),
    ],
)
def test_what_the_server_says_decides(
    dispatch: Dispatch, postbox: Postbox, answer: str, password: str, state: str, why: str
) -> None:
    """Its code is told and not its words; 4xx is tried again, 5xx is not."""
    postbox.answer = answer
    sending = mailing(dispatch, postbox, password=password)
    done = sending.export(Mail(to=(ANA,)))
    sending.deliver()
    found = standing(sending, done)
    assert found.state == state
    assert why in (found.error or "")
    assert "secret-in-answer" not in (found.error or "")


def test_mail_goes_to_users_of_the_space(dispatch: Dispatch, postbox: Postbox) -> None:
    """Not to strangers, or the server would send anybody's letters; and not at all without a mail server."""
    sending = mailing(dispatch, postbox)
    for to in (("bob@example.com",), (), ("x@y.example",), ("no address",), (f"eve,{ANA}",)):
        with pytest.raises(Invalid):
            sending.ask(Mail(to=to))
    with pytest.raises(Invalid, match="sends no mail"):
        dispatch.ask(Mail(to=(ANA,)))
