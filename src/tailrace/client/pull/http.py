"""Files over HTTP: by the links of a manifest, or beside it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from urllib.parse import quote, urljoin, urlsplit

import httpx

from tailrace.client.exports import get_raw_manifest
from tailrace.client.problems import ClientError, ConnectionLost, ProblemError, problem_of
from tailrace.client.pull.listing import Item, Listing, read_listing
from tailrace.client.pull.parts import Span
from tailrace.client.pull.sources import Changed, LinkRefused, Seen, Unsteady
from tailrace.client.runners import SyncRunner, said, timeout_of
from tailrace.client.session import AGENT
from tailrace.model.errors import Invalid

_HOPS = 5
_SILENCE_S = 20.0  # a connection that brings nothing for so long is given up for a new one
_REFUSED = frozenset((401, 403, 404, 410))
_MOST_TEXT = 1 << 28  # bytes of a manifest


class HttpSource:
    """An export of a server by id, or a manifest by URL.

    A URL whose path ends in ``.json`` is a manifest with its files beside it; any other answers with a manifest whose
    entries have links.
    """

    def __init__(self, runner: SyncRunner, export: str | None = None, url: str = "") -> None:
        self.export = export
        self._runner = runner
        self._url = url
        self._beside = urlsplit(url).path.endswith(".json")
        self._lock = Lock()
        self._listing: Listing | None = None
        self._links: dict[str, str] = {}

    def manifest(self) -> bytes:
        """The manifest, its links fresh.

        Raises:
            ProblemError, ConnectionLost: the server says no, or nothing.
            Invalid: it is none, or lists other files than it did.
        """
        text = self._fetched() if self.export is None else self._asked(self.export)
        listing = read_listing(text)
        if self._listing is not None and not listing.same_files(self._listing):
            raise Invalid("manifest", "lists other files than it did; begin anew in another directory")
        self._listing = listing
        self._links = {item.name: item.url for item in listing.items}
        return text

    def look(self, item: Item) -> Seen:
        """Ask for a file's headers alone: that is no download."""
        with self._open("HEAD", item, {}) as answer:
            if answer.status_code in (405, 501):
                return Seen(pieces=False)
            _check(answer)
            size = answer.headers.get("content-length")
            if size is not None and size != str(item.bytes):
                raise Changed
            etag = answer.headers.get("etag", "")
            strong = etag if etag.startswith('"') else ""
            return Seen(answer.headers.get("accept-ranges", "").lower() == "bytes", strong)

    @contextmanager
    def read(self, item: Item, span: Span | None, seen: Seen) -> Iterator[Iterator[bytes]]:
        """Some bytes of a file."""
        headers = {} if span is None else {"range": f"bytes={span.start}-{span.stop - 1}"}
        if span is not None and seen.etag:
            headers["if-range"] = seen.etag
        with self._open("GET", item, headers) as answer:
            _check(answer)
            if not (_is_whole(answer, item) if span is None else _is_span(answer, span, item)):
                raise Changed
            yield _steady(answer)

    def renew(self, item: Item) -> None:
        """Fetch the manifest once for all threads whose links are refused.

        Raises:
            Invalid: it lists other files now.
        """
        refused = self._links.get(item.name)
        with self._lock:
            if self._links.get(item.name) == refused and not self._beside:
                self.manifest()

    def _asked(self, export: str) -> bytes:
        return bytes(self._runner.run(self._runner.session.perform(get_raw_manifest(export))))

    def _link(self, item: Item) -> str:
        if self._beside:
            return urljoin(self._url.partition("?")[0], quote(item.name, safe=""))
        url = self._links.get(item.name, item.url)
        if urlsplit(url).scheme not in ("http", "https"):
            raise Invalid("manifest", f"has no link for {item.name}; give the path of the manifest beside its files")
        return url

    def _fetched(self) -> bytes:
        """The manifest of a URL, asked for as patiently as anything."""
        retries, before = self._runner.session.retries, 0
        while True:
            try:
                with self._opened("GET", self._url, {"accept": "application/json"}) as answer:
                    _check(answer)
                    return b"".join(_bounded(_steady(answer)))
            except LinkRefused as error:
                raise error.error from None
            except Unsteady as error:
                pause = retries.pause(error.error, before, repeatable=True)
                if pause is None:
                    raise error.error from None
            before += 1
            self._runner.rest(pause)

    @contextmanager
    def _open(self, method: str, item: Item, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        with self._opened(method, self._link(item), headers) as answer:
            yield answer

    @contextmanager
    def _opened(self, method: str, url: str, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        """An answer whose body is still to come. Redirects are followed, without the token."""
        session, http = self._runner.session, self._runner.http
        known = session.authorization_for(url)
        for _ in range(_HOPS):
            sent = {"user-agent": AGENT, "accept-encoding": "identity", **headers, **known}
            request = http.build_request(
                method, url, headers=sent, timeout=timeout_of(min(_SILENCE_S, session.timeout))
            )
            answer = _sent(http, request)
            try:
                if not answer.is_redirect:
                    yield answer
                    return
                url, known = urljoin(url, answer.headers["location"]), {}
            finally:
                answer.close()
        raise LinkRefused(ProblemError(302, "redirected", f"{url.partition('?')[0]} sends us round in circles."))


def _sent(http: httpx.Client, request: httpx.Request) -> httpx.Response:
    try:
        return http.send(request, stream=True)
    except httpx.UnsupportedProtocol:
        raise Invalid("manifest", "has a link that is none") from None
    except httpx.RequestError as error:
        raise Unsteady(_lost(f"{request.method} {request.url.copy_with(query=None)} has no answer", error)) from None


def _check(answer: httpx.Response) -> None:
    """Raise what an answer that is no file means."""
    if answer.status_code in (200, 206):
        return
    if answer.status_code == 416:
        raise Changed
    problem = _problem(answer)
    if answer.status_code in _REFUSED:
        raise LinkRefused(problem)
    if problem.status == 429 or problem.status >= 500:
        raise Unsteady(problem)
    raise problem


def _problem(answer: httpx.Response) -> ProblemError:
    headers = {name.lower(): text for name, text in answer.headers.items()}
    try:
        body = b"".join(_bounded(_steady(answer)))
    except Unsteady:
        body = b""
    return problem_of(answer.status_code, headers, body)


def _is_whole(answer: httpx.Response, item: Item) -> bool:
    """Whether as many bytes are to come as the manifest says, as far as the answer tells."""
    return bool(answer.headers.get("content-length", str(item.bytes)) == str(item.bytes))


def _is_span(answer: httpx.Response, span: Span, item: Item) -> bool:
    """Whether just the bytes that were asked for are to come; all of the file instead means that it has changed."""
    wanted = f"bytes {span.start}-{span.stop - 1}/{item.bytes}"
    return answer.status_code == 206 and bool(answer.headers.get("content-range") == wanted)


def _steady(answer: httpx.Response) -> Iterator[bytes]:
    try:
        yield from answer.iter_raw()  # as it arrives: what is collected to larger chunks is lost when it breaks off
    except httpx.RequestError as error:
        raise Unsteady(_lost("a download broke off", error)) from None


def _bounded(chunks: Iterator[bytes]) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > _MOST_TEXT:
            raise Invalid("manifest", "is too large to be one")
        yield chunk


def _lost(what: str, error: httpx.RequestError) -> ClientError:
    return ConnectionLost(f"{what}: {said(error)}")
