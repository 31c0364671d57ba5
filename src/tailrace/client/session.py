"""A server and the credential for it: from calls to requests, and from answers to documents."""

import base64
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

import msgspec

from tailrace import __version__
from tailrace.client.calls import Answer, Call, Lost, Pause, Request, Steps, T
from tailrace.client.problems import ClientError, ConnectionLost, ProblemError, problem_of
from tailrace.client.retrying import Retries
from tailrace.model.errors import Invalid

_PORTS = {"http": 80, "https": 443}
AGENT = f"tailrace-client/{__version__}"


@dataclass(frozen=True, slots=True)
class Session:
    """What every request to one server has in common. `timeout` is the longest silence (s)."""

    server: str
    token: str | None = field(default=None, repr=False)
    write_key: str | None = field(default=None, repr=False)
    timeout: float = 60.0
    retries: Retries = field(default_factory=Retries)
    monotonic: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        parts = urlsplit(self.server)
        if parts.scheme not in _PORTS or not parts.hostname or parts.query or parts.fragment:
            raise Invalid("server", "must be a URL such as https://tailrace.example.com")
        for name, secret in (("token", self.token), ("write_key", self.write_key)):
            if secret is not None and not (secret.isascii() and secret.isprintable() and secret.strip() == secret):
                raise Invalid(name, "holds a character that no token has; see whether a whole line was copied")

    def request(self, call: Call[T]) -> Request:
        """What a call is over the wire."""
        url = self.server.rstrip("/") + call.path
        url += f"?{urlencode(call.query)}" if call.query else ""
        headers = {"accept": "application/json", "user-agent": AGENT, **call.headers}
        if call.authorization is not None:
            headers["authorization"] = call.authorization
        elif self.token is not None:
            headers["authorization"] = f"Bearer {self.token}"
        body = None if call.body is None else msgspec.json.encode(call.body)
        if body is not None:
            headers["content-type"] = "application/json"
        return Request(call.method, url, headers, body, self.timeout + call.patience)

    def perform(self, call: Call[T]) -> Steps[T]:
        """The steps of a call: asked again for as long as that can help.

        Raises:
            ProblemError: the server says no.
            ConnectionLost: there was no answer.
        """
        request, before = self.request(call), 0
        while True:
            found = _outcome(call, (yield request))
            if not isinstance(found, ClientError):
                return found
            pause = self.retries.pause(found, before, repeatable=call.repeatable)
            if pause is None:
                raise found
            yield Pause(pause)
            before += 1

    def authorization_for(self, url: str) -> Mapping[str, str]:
        """The token's header for a URL: nowhere but on the token's own server, and not where a link says it all."""
        parts = urlsplit(url)
        if self.token is None or origin(url) != origin(self.server) or "signature=" in parts.query:
            return {}
        return {"authorization": f"Bearer {self.token}"}


def basic(name: str, password: str) -> str:
    """An Authorization header of user name and password."""
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def origin(url: str) -> tuple[str, str, int | None]:
    """What must be equal for two URLs to be on the same server."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(scheme)


def _outcome(call: Call[T], came: Answer | Lost | None) -> T | ClientError:
    match came:
        case Answer(status=status, body=body) if 200 <= status < 300:
            return _decoded(call, status, body)
        case Answer(status=status, headers=headers, body=body):
            return problem_of(status, headers, body)
        case Lost(why):
            return ConnectionLost(why)
    raise TypeError("a request is followed by what came of it")


def _decoded(call: Call[T], status: int, body: bytes) -> T | ClientError:
    try:
        return msgspec.json.decode(body or b"null", type=call.kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        detail = f"The answer to {call.method} {call.path} cannot be read: {error}. See whether this client is too old."
        return ProblemError(status, "unreadable_answer", detail)
