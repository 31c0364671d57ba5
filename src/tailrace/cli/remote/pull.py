"""`pull`: the files of an export into a directory."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from tailrace.cli.options import AsJson
from tailrace.cli.output import Output
from tailrace.cli.remote.connection import client_of
from tailrace.cli.remote.options import Asked, Parallel, Profile, Server, Token, TokenFile
from tailrace.cli.remote.profiles import Login
from tailrace.client import Client
from tailrace.client.pull.finding import is_export_id, source_of
from tailrace.client.pull.options import PIECE_BYTES, Options, Pulled
from tailrace.client.pull.pulling import pull as pull_files
from tailrace.client.pull.sources import Source


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("pull")(pull)


def pull(
    what: Annotated[
        str, typer.Argument(metavar="EXPORT", help="Id of an export, or URL, s3:// URL or path of a manifest.")
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Where the files go; made if missing.", file_okay=False)
    ],
    parallel: Parallel = 4,
    piece_bytes: Annotated[
        int, typer.Option("--piece-bytes", metavar="N", help="What one request brings.", min=1 << 16)
    ] = PIECE_BYTES,
    verify: Annotated[bool, typer.Option("--verify", help="Read what is there already, not only its sizes.")] = False,
    server: Server = None,
    token: Token = None,
    token_file: TokenFile = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Download all files of an export, in parallel, and check them against its manifest.

    Killed at any point, it goes on where it was when it is run again; a directory that is complete is left as it is.
    """
    output = Output(as_json=as_json)
    with ExitStack() as held:
        source = _source(what, Asked(server, token, token_file, profile), held)
        pulled = pull_with_progress(output, source, out, Options(parallel, piece_bytes, verify))
    output.document({"out": str(out)} | pulled.document())
    say_pulled(output, pulled)


def pull_with_progress(output: Output, source: Source, out: Path, options: Options) -> Pulled:
    """Pull, showing how many bytes are there."""
    with output.progress("pulling", 100) as advance:
        return pull_files(
            source,
            out,
            options,
            lambda done, total: advance(100 * done // max(1, total), f"{done:,} of {total:,} bytes"),
        )


def say_pulled(output: Output, pulled: Pulled) -> None:
    """What there is now."""
    new = f"{pulled.loaded:,} bytes are new" if pulled.loaded else "nothing was missing"
    output.say(f"{pulled.export}: {pulled.files:,} files, {pulled.bytes:,} bytes in {pulled.folder}; {new}")


def _source(what: str, asked: Asked, held: ExitStack) -> Source:
    if what.startswith("s3://"):
        from tailrace.cli.remote.s3 import S3Source  # brings Arrow and two clients of S3

        return S3Source(what)
    if is_export_id(what):
        return source_of(what, held.enter_context(client_of(Login(asked))).runner)
    if urlsplit(what).scheme in ("http", "https"):
        return source_of(what, held.enter_context(_for_url(what, Login(asked))).runner)
    return source_of(what, None)


def _for_url(url: str, login: Login) -> Client:
    """A client whose token goes to the server that it is for; without a server, to none."""
    server = login.server
    token = login.token() if server is not None else None
    parts = urlsplit(url)
    return Client(server.value if server else f"{parts.scheme}://{parts.netloc}", token.value if token else None)
