"""Credentials in the Authorization header."""

import base64

import pytest
from starlette.requests import Request

from tailrace.model.errors import Unauthorized
from tailrace.web.auth import basic, bearer, key


def request(header: str | bytes | None) -> Request:
    """A request with this Authorization header."""
    raw = header.encode() if isinstance(header, str) else header
    return Request({"type": "http", "headers": [] if raw is None else [(b"authorization", raw)]})


def encoded(text: str) -> str:
    """User name and password as Basic sends them."""
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("header", ["Bearer tok_1", "bearer tok_1", "BEARER   tok_1  "])
def test_bearer(header: str) -> None:
    """The scheme's case and spaces around the token do not matter."""
    assert bearer(request(header)) == key(request(header)) == "tok_1"


@pytest.mark.parametrize(
    ("text", "name", "password"), [("a:b", "a", "b"), ("a:", "a", ""), ("a", "a", ""), ("ä:b:c", "ä", "b:c")]
)
def test_basic(text: str, name: str, password: str) -> None:
    """The first colon parts name and password; a key is the name."""
    for scheme in ("Basic", "basic"):
        assert basic(request(f"{scheme} {encoded(text)}")) == (name, password)
        assert key(request(f"{scheme} {encoded(text)}")) == name


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Digest x",
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"\xff\xfe").decode(),
        "Basic " + encoded(":password"),
        "Basic é".encode(),
        b"Basic \xe9",
    ],
)
def test_anything_else_is_unauthorized(header: str | bytes | None) -> None:
    """What is no credential is refused in every form, and never a failure of the server."""
    for read in (bearer, basic, key):
        with pytest.raises(Unauthorized):
            read(request(header))


def test_the_forms_are_not_mixed_up() -> None:
    """A Bearer token is no Basic login, and a Basic login no token."""
    with pytest.raises(Unauthorized):
        basic(request("Bearer " + encoded("a:b")))
    with pytest.raises(Unauthorized):
        bearer(request("Basic " + encoded("a:b")))
