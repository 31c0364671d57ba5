"""Data Download: the table of requests of every dialect."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import msgspec
from msgspec import Struct
from starlette.responses import Response

from tailrace.accounts.lookup import scope_for
from tailrace.exports.listing import Page, Wanted, data_files, list_exports
from tailrace.exports.numbers import Called, called
from tailrace.exports.records import Export, StoredFile
from tailrace.model.export import FINAL_STATES, ExportState
from tailrace.portal.home import seen_apps
from tailrace.portal.pages import PAGE, show
from tailrace.web.operations import Call, Operation
from tailrace.web.paging import read_after, write_after

ALL = "/portal/downloads"
_MOST = 25


class DownloadsQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Which requests: of an app, in a state, and where the page before ended."""

    app: str = ""
    state: ExportState | None = None
    after: str | None = None


class Request(Struct, frozen=True):
    """A request as the table shows it: how its dialect calls it, how far it is (percent), its files that hold rows."""

    export: Export
    dialect: str
    number: str
    percent: int
    files: Sequence[StoredFile]

    @property
    def ended(self) -> bool:
        """Whether it will change no more by itself."""
        return self.export.state in FINAL_STATES


def get_downloads(call: Call) -> Response:
    """The table. While a request is under way the page asks again by itself."""
    page = _page(call)
    requests = requests_of(call, page.exports)
    apps = seen_apps(call.desk, call.principal)
    query = {"app": call.query.app, "state": call.query.state or "", "after": call.query.after or ""}
    return show(
        call,
        "downloads.html",
        "downloads",
        requests=requests,
        running=not all(request.ended for request in requests),
        apps=apps,
        query=query,
        address=_address(query),
        more=_address(query | {"after": write_after(page.last) or ""}) if page.last else None,
    )


def requests_of(call: Call, exports: Sequence[Export]) -> Sequence[Request]:
    """Exports as the table shows them."""
    database, principal = call.desk.database, call.principal
    ids = [export.id for export in exports]
    numbers, files = called(database, principal, ids), data_files(database, principal, ids)
    return [_request(call, export, numbers.get(export.id), files.get(export.id, ())) for export in exports]


def _request(call: Call, export: Export, number: Called | None, files: Sequence[StoredFile]) -> Request:
    spoken = call.desk.spoken
    name = number.series if number is not None else "native"
    title = spoken[name].title if name in spoken else name
    return Request(export, title, str(number.number) if number else "", percent(export), files)


def percent(export: Export) -> int:
    """How far an export is."""
    if export.state in ("succeeded", "expired"):
        return 100
    return 0 if not export.slices else min(99, 100 * export.slices_done // export.slices)


def _page(call: Call) -> Page:
    query, database = call.query, call.desk.database
    scope = scope_for(database, call.principal, query.app) if query.app else None
    return list_exports(database, call.principal, Wanted(scope, query.state, read_after(query.after), _MOST))


def _address(query: Mapping[str, str]) -> str:
    given = {name: text for name, text in query.items() if text}
    return f"{ALL}?{urlencode(given)}" if given else ALL


OPERATIONS: Sequence[Operation] = (
    Operation("GET", ALL, get_downloads, {200: PAGE}, scope="exports.read", query=DownloadsQuery, errors=(404,)),
)
