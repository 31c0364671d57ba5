"""The sink of mail: a message to each address that still wants it."""

import asyncio
from email.message import EmailMessage

import aiosmtplib
from sqlalchemy import select

from tailrace.accounts.quotas import take_of
from tailrace.db.tables import exports, owned
from tailrace.delivery.courier import Errand
from tailrace.delivery.ends import GivenUp, PutOff, Void
from tailrace.delivery.letters import News, letter
from tailrace.delivery.refusals import refusal_link, refused
from tailrace.model.delivery import Copied, Mail
from tailrace.model.errors import TooSoon, Unavailable

_AWAY_S = 30
_PAGE = "/portal/downloads/{id}"  # of an export, in the portal


def send_mail(errand: Errand) -> tuple[Copied, ...]:
    """Send the letter. One that comes after a crash is sent once more, under the same Message-ID.

    Raises:
        GivenUp: there is no mail server, or it refuses the message for good.
        Void: whoever it is for wants none.
        PutOff: the space has sent too much just now.
        Unavailable: the mail server is away, or busy.
    """
    asked, mail = errand.asked, errand.courier.settings.mail
    if not isinstance(asked, Mail):
        raise GivenUp("it is no mail")
    if not mail.host:
        raise GivenUp("there is no mail server; see mail.host")
    wanted = _wanted(errand, asked)
    if not wanted:
        raise Void("the address has unsubscribed")
    news = {address: _news(errand, address) for address in wanted}
    _send(errand, [letter(news[address], mail.sender, address) for address in wanted])
    return ()


def _wanted(errand: Errand, asked: Mail) -> list[str]:
    """Those who have not unsubscribed, if the rate lets a message to them go now."""
    database, space = errand.courier.database, errand.scope.space
    try:
        with database.write() as connection:
            found = [address for address in asked.to if not refused(connection, space, address)]
            for _ in found:
                take_of(connection, space, "mail", "", database.now(connection))
    except TooSoon as early:
        raise PutOff(early.seconds) from None
    return found


def _news(errand: Errand, address: str) -> News:
    """Links begin with the configured address alone: the one that a request came to is whatever its client says."""
    courier, row = errand.courier, errand.row
    with courier.database.read() as connection:
        error = connection.scalar(
            select(exports.c.error).where(owned(exports, errand.scope), exports.c.id == row.export)
        )
    base = courier.settings.public_url.rstrip("/")
    return News(
        app=errand.scope.app_id,
        export=row.export,
        state="failed" if row.ended == "failed" else "succeeded",
        error=error or "",
        page=base + _PAGE.format(id=row.export) if base else "",
        stop=refusal_link(courier.identity.secret, base, errand.scope.space, address) if base else "",
        message=row.message,
        now=courier.clock.now(),
    )


def _send(errand: Errand, letters: list[EmailMessage]) -> None:
    """Errors of the library may hold addresses and what the server said: only its code is told."""
    try:
        asyncio.run(_sent(errand, letters))
    except aiosmtplib.SMTPResponseException as error:
        code = error.code
    except aiosmtplib.SMTPRecipientsRefused as error:
        code = max((one.code for one in error.recipients), default=550)
    except (aiosmtplib.SMTPException, OSError) as error:
        raise Unavailable(f"the mail server did not answer: {type(error).__name__}", _AWAY_S) from None
    else:
        return
    if code >= 500:
        raise GivenUp(f"the mail server refuses: {code}")
    raise Unavailable(f"the mail server answered {code}", _AWAY_S)


async def _sent(errand: Errand, letters: list[EmailMessage]) -> None:
    mail, timeout = errand.courier.settings.mail, errand.courier.settings.delivery.timeout_ms / 1000
    client = aiosmtplib.SMTP(
        hostname=mail.host,
        port=mail.port,
        use_tls=mail.encryption == "tls",
        start_tls=mail.encryption == "starttls",
        username=mail.user or None,
        password=mail.password.get_secret_value() or None,
        timeout=timeout,
    )
    async with client:
        for message in letters:
            errand.go_on()
            await client.send_message(message)
