"""Letters: what mail says of an export's end, as text and as HTML, with a link to its page and never one to a file."""

from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from html import escape

from msgspec import Struct

_SUBJECTS = {"succeeded": "Export of {app} is ready", "failed": "Export of {app} failed"}
_FIRST = {
    "succeeded": "The export {export} of {app} is ready.",
    "failed": "The export {export} of {app} failed: {error}",
}
_PAGE = "Its page: {page}"
_END = "No more mail of this kind: {stop}"


class News(Struct, frozen=True):
    """What there is to tell. `page` and `stop` are links; "" where no public address is known."""

    app: str
    export: str
    state: str
    error: str
    page: str
    stop: str
    message: str
    now: int


def letter(news: News, sender: str, to: str) -> EmailMessage:
    """A message to one address. Its id is that of the delivery, so that one that comes twice is known."""
    told = {"app": news.app, "export": news.export, "error": news.error, "page": news.page, "stop": news.stop}
    message = EmailMessage()
    message["Subject"] = _SUBJECTS.get(news.state, _SUBJECTS["succeeded"]).format(app=news.app)
    message["From"] = sender
    message["To"] = to
    message["Date"] = format_datetime(datetime.fromtimestamp(news.now / 1000, UTC))
    message["Message-ID"] = f"<{news.message}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    if news.stop:
        message["List-Unsubscribe"] = f"<{news.stop}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    lines = [_FIRST.get(news.state, _FIRST["succeeded"])]
    lines += [_PAGE] * bool(news.page) + [_END] * bool(news.stop)
    message.set_content("\n\n".join(line.format(**told) for line in lines) + "\n")
    message.add_alternative(_html(lines, told), subtype="html")
    return message


def _html(lines: list[str], told: dict[str, str]) -> str:
    shown = {name: escape(text) for name, text in told.items()}
    links = {name: f'<a href="{shown[name]}">{shown[name]}</a>' for name in ("page", "stop")}
    body = "".join(f"<p>{line.format(**(shown | links))}</p>" for line in lines)
    return f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Tailrace</title><body>{body}</body></html>\n'
