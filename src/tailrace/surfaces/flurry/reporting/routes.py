"""Routes of the Analytics Reporting API."""

import asyncio
from collections.abc import Callable, Sequence
from weakref import WeakKeyDictionary

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from tailrace.model.errors import TailraceError
from tailrace.surfaces.flurry.reporting.answer import report_rows, value_rows
from tailrace.surfaces.flurry.reporting.errors import ERRORS
from tailrace.surfaces.flurry.reporting.parse import (
    ReportQuery,
    ValuesQuery,
    parse_filters,
    parse_format,
    parse_listed,
    parse_report,
)
from tailrace.surfaces.flurry.reporting.rates import count_request
from tailrace.surfaces.flurry.reporting.render import columns_of, file_name, rows_response
from tailrace.surfaces.flurry.reporting.tables import ATTRIBUTES
from tailrace.web.operations import Call, Operation, Reply
from tailrace.web.seen import note_error

READ = "exports.read"
_AT_ONCE = 2  # reports that an event loop has made at a time; the others wait and take nobody's thread
_places: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


async def get_report(call: Call) -> Response:
    """Metrics by time and dimensions."""
    return await _limited(call, _report)


async def get_values(call: Call) -> Response:
    """The values of a dimension, with their ids."""
    return await _limited(call, _values)


async def _limited(call: Call, make: Callable[[Call], Response]) -> Response:
    """Answer within the rate limit, which all answers tell of."""
    rate = await run_in_threadpool(count_request, call.desk.database, call.principal)
    try:
        if rate.refused is not None:
            raise rate.refused
        async with _places.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(_AT_ONCE)):
            response = await run_in_threadpool(make, call)
    except TailraceError as error:
        note_error(call.request.scope, error.code)
        response = _reply(error)
    response.headers.update(rate.headers)
    return response


def _reply(error: TailraceError) -> Response:
    return next(ERRORS[kind] for kind in type(error).__mro__ if kind in ERRORS)(error)


def _report(call: Call) -> Response:
    asked = parse_report(call.path("path"), call.query)
    rows = report_rows(call.desk.database, call.desk.files, call.principal, asked)
    return rows_response(rows, asked.format, columns_of(asked), file_name(asked))


def _values(call: Call) -> Response:
    dimension = parse_listed(call.path("dimension"))
    filters = parse_filters(call.query.filters, dict.fromkeys((dimension, "app")))
    format_ = parse_format(call.query.format)
    rows = list(value_rows(call.desk.database, call.principal, dimension, filters))
    return rows_response(rows, format_, ATTRIBUTES[dimension], f"dimensions-{dimension}-values")


_ROWS = {200: Reply("Rows, as JSON or CSV.", media_type="*/*")}

OPERATIONS: Sequence[Operation] = (
    Operation(
        "GET",
        "/public/v1/data/{path:path}",
        get_report,
        _ROWS,
        scope=READ,
        security="token_or_query",
        query=ReportQuery,
        errors=(429,),
        tag="reports",
    ),
    Operation(
        "GET",
        "/public/v1/dimensions/{dimension}/values",
        get_values,
        _ROWS,
        scope=READ,
        security="token_or_query",
        query=ValuesQuery,
        errors=(429,),
        tag="reports",
    ),
)
