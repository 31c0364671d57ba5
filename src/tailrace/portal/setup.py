"""The page behind a set-up link: it asks for the first admin's e-mail and password."""

from collections.abc import Sequence
from urllib.parse import parse_qs

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from tailrace.accounts.setup import FIRST_SPACE, check_setup, complete_setup
from tailrace.model.errors import Invalid, Malformed
from tailrace.portal.pages import page
from tailrace.web.auth import address
from tailrace.web.bodies import read_body
from tailrace.web.operations import Call, Operation, Reply

_FORM = "application/x-www-form-urlencoded"
_MOST = 16_384
_FIELDS = ("token", "email", "password", "space")


class SetupQuery(msgspec.Struct, forbid_unknown_fields=True):
    """What a set-up link carries."""

    token: str = ""


def show_setup(call: Call) -> Response:
    """The form, if the link works."""
    desk = call.desk
    check_setup(desk.database, desk.identity, call.query.token)
    return _form({"token": call.query.token, "space": FIRST_SPACE})


async def send_setup(call: Call) -> Response:
    """Make the first admin. What cannot be is told above the form, which keeps everything but the password."""
    desk = call.desk
    sent = _fields(await read_body(call.request, _MOST, desk.settings.ingest.body_timeout_ms))
    token, email, password, space = (sent.get(name, "") for name in _FIELDS)
    where = address(call.request)
    try:
        await run_in_threadpool(complete_setup, desk.database, desk.identity, token, email, password, space, where)
    except Invalid as error:
        return _form(sent, error, 400)
    text = f"{email} is the admin of the space {space}. Sign in, make an app, and send it events."
    return page("message.html", referrer="no-referrer", title="Tailrace is set up", text=text)


def _form(sent: dict[str, str], error: Invalid | None = None, status: int = 200) -> Response:
    said = None if error is None else f"{error.where}: {error.why}"
    known = {name: sent.get(name, "") for name in ("token", "email", "space")}
    return page("setup.html", status, "no-referrer", error=said, **known)


def _fields(body: bytes) -> dict[str, str]:
    """A form as browsers send it."""
    try:
        found = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=len(_FIELDS), errors="strict")
    except ValueError:
        raise Malformed("the form is damaged") from None
    return {name: values[0] for name, values in found.items()}


OPERATIONS: Sequence[Operation] = (
    Operation(
        "GET",
        "/setup",
        show_setup,
        {200: Reply("The form.", media_type="text/html")},
        security="none",
        query=SetupQuery,
        errors=(403,),
        tag="setup",
    ),
    Operation(
        "POST",
        "/setup",
        send_setup,
        {200: Reply("There is an admin now.", media_type="text/html")},
        security="none",
        takes=(_FORM,),
        errors=(403, 409, 413),
        tag="setup",
    ),
)
