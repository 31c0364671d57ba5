"""What becomes of a request after it has succeeded: mail arrives, and one day its files have had their time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any
from unittest.mock import patch

from aiosmtpd.controller import Controller
from sqlalchemy import update

from tailrace.accounts.lookup import scope_of_app
from tailrace.db.tables import exports
from tailrace.upkeep.expiry import expire
from tests.contract.portal.conftest import Portal
from tests.servers import free_port


@dataclass
class Postbox:
    """Who got which message."""

    got: list[tuple[list[str], EmailMessage]] = field(default_factory=list)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - the library's name
        """Take a message."""
        self.got.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=policy.default)))
        return "250 OK"


@contextmanager
def postbox(portal: Portal) -> Iterator[Postbox]:
    """An SMTP server that the portal's server sends mail to while the block runs; links in it lead to the portal."""
    box, port, settings = Postbox(), free_port(), portal.house.settings
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        with (
            patch.multiple(settings.mail, host="127.0.0.1", port=port, encryption="none"),
            patch.object(settings, "public_url", portal.url),
        ):
            yield box
    finally:
        controller.stop()


def let_expire(portal: Portal, export: str) -> None:
    """Let the files of an export have had their time."""
    database = portal.house.database
    with database.write() as connection:
        connection.execute(update(exports).where(exports.c.id == export).values(expires_at=0))
    assert expire(database, scope_of_app(database, "app_waves"), 0) == 1
