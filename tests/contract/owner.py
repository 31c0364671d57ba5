"""How the owner of things uses each operation: one table for the walk, the check of answers and the fuzzing.

An operation without an example fails tests/contract/test_isolation.py. An example is made anew for each use, so what
deletes something may make it first.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx

from tailrace.surfaces.native import NATIVE
from tailrace.web.operations import Operation
from tests.contract.live import READ, WRITE
from tests.contract.native.conftest import Api
from tests.sending import T0, event

# Whose what an operation gives or changes is: an app's, the space's, or that of whoever calls.
Whose = Literal["app", "space", "caller"]

# What the owner sends, by the operation's security; a token for all others.
_CREDENTIALS: Mapping[str, Mapping[str, str]] = {
    "none": {},
    "write_key": WRITE,
    "login": {"authorization": httpx.BasicAuth("ana@example.com", "correct horse")._auth_header},
}


@dataclass(frozen=True)
class World:
    """A served store with an export of app_waves that has succeeded, and its manifest."""

    api: Api
    manifest: Mapping[str, Any]

    @property
    def export(self) -> str:
        """The export's id."""
        found: str = self.manifest["export"]
        return found

    @property
    def file(self) -> str:
        """The name of its first file."""
        found: str = self.manifest["files"][0]["name"]
        return found


@dataclass(frozen=True)
class Example:
    """A request that succeeds when the owner makes it, with a status."""

    status: int = 200
    whose: Whose = "app"
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


def _of_export(status: int = 200) -> Callable[[World], Example]:
    return lambda world: Example(status, path={"id": world.export})


_ASK = {"app": "app_waves", "window": {"axis": "available"}}

EXAMPLES: Mapping[str, Callable[[World], Example]] = {
    "post_events": lambda _: Example(whose="caller", json={"batch": [event("x", T0)]}),
    "post_export": lambda _: Example(202, json=_ASK),
    "get_export": _of_export(),
    "delete_export": _of_export(),
    "get_manifest": _of_export(),
    "get_file": lambda world: Example(path={"id": world.export, "name": world.file}),
    "post_token": lambda _: Example(201, whose="caller"),
    "get_openapi": lambda _: Example(whose="caller"),
}


def operations() -> Mapping[str, Operation]:
    """All operations by name."""
    return {operation.name: operation for operation in NATIVE.operations}


def owner(operation: Operation) -> Mapping[str, str]:
    """The headers by which the owner is known."""
    return _CREDENTIALS.get(operation.security, READ)


def use(
    http: httpx.Client, operation: Operation, example: Example, credential: Mapping[str, str], method: str = ""
) -> httpx.Response:
    """Make a request; nothing that an earlier answer put into a cookie goes with it."""
    http.cookies.clear()
    return http.request(
        method or operation.method,
        operation.path.format(**example.path),
        params=dict(example.query) or None,
        json=example.json,
        headers={**example.headers, **credential},
    )
