"""`export` by a server: ask, follow, pull."""

from tailrace.cli.output import Output
from tailrace.cli.remote.connection import connect
from tailrace.cli.remote.exports import say_end, wait_with_progress
from tailrace.cli.remote.options import Asked, Wanted
from tailrace.cli.remote.pull import pull_with_progress, say_pulled
from tailrace.client import Client, Export, ExportRequest, Filters, Window
from tailrace.client.pull.finding import source_of
from tailrace.client.pull.options import Options
from tailrace.model import export as domain
from tailrace.model.clock import iso
from tailrace.model.errors import Invalid


def export_by_server(output: Output, given: Asked, wanted: Wanted) -> None:
    """Have a server export, as far as is wanted.

    Raises:
        ProblemError, ConnectionLost: the server says no, or nothing.
        Exit: the export has not succeeded.
    """
    if wanted.out is not None and not wanted.wait:
        raise Invalid("--no-wait", "and --out exclude each other: files are there when the export has ended")
    request = request_of(wanted.request, wait_until_complete=wanted.wait_until_complete)
    with connect(given) as client:
        if wanted.dry_run:
            _show_estimate(output, client, request)
            return
        export = client.exports.create(request)
        if wanted.wait:
            _follow(output, client, export, wanted)
        else:
            output.document(export)
            output.say(export.id)


def _follow(output: Output, client: Client, export: Export, wanted: Wanted) -> None:
    ended = wait_with_progress(output, client, export.id)
    if wanted.out is None or not ended.succeeded:
        output.document(ended)
        say_end(output, ended)
        return
    source = source_of(ended.id, client.runner)
    pulled = pull_with_progress(output, source, wanted.out, Options(wanted.parallel))
    output.document({"out": str(wanted.out)} | pulled.document())
    say_pulled(output, pulled)


def _show_estimate(output: Output, client: Client, request: ExportRequest) -> None:
    about = client.exports.estimate(request)
    output.document(about)
    output.say(
        f"about {about.events:,} events (at most {about.at_most:,}), about {about.bytes:,} bytes, "
        f"about {about.seconds:,.0f} s; nothing was asked for"
    )


def request_of(asked: domain.ExportRequest, *, wait_until_complete: bool = False) -> ExportRequest:
    """A request as the API takes it."""
    window, filters = asked.window, asked.filters
    return ExportRequest(
        app=asked.app,
        window=Window(window.axis, _instant(window.start), _instant(window.end)),
        shape=asked.shape,
        format=asked.format,
        packing=asked.packing,
        filters=Filters(
            list(filters.events), list(filters.versions), [predicate.document() for predicate in filters.where]
        ),
        columns=None if asked.columns is None else list(asked.columns),
        split=asked.split,
        after=asked.after,
        file_bytes=asked.file_bytes,
        json_array=asked.json_array,
        csv_safe=asked.csv_safe,
        wait_until_complete=wait_until_complete,
    )


def _instant(ms: int | None) -> str | None:
    return None if ms is None else iso(ms)
