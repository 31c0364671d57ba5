"""Whether a path is exact changes nothing but how soon its route is found."""

import asyncio

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from tailrace.web.exact import Exact


async def told(request: Request) -> Response:
    """Which route answers, and what it knows of the path."""
    return PlainTextResponse(f"{request.scope['route'].name} {request.path_params} {request.method}")


ROUTES = [
    Route("/things", told, name="all"),
    Route("/things/{id}", told, name="one"),
    Route("/things/{id}:again", told, name="again", methods=["POST"]),
    Route("/things/new", told, name="hidden"),
    Route("/twice", told, name="get"),
    Route("/twice", told, name="post", methods=["POST"]),
]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize(
    "path", ["/things", "/things/", "/things/1", "/things/1:again", "/things/new", "/twice", "/", "/%74hings"]
)
def test_the_answer_is_that_of_the_router(method: str, path: str) -> None:
    """The same status, text and headers, also where no route takes a path, or none with that method."""
    router = Router(ROUTES, redirect_slashes=False)
    assert asyncio.run(said(Exact(router), method, path)) == asyncio.run(said(router, method, path))


async def said(app: ASGIApp, method: str, path: str) -> tuple[int, str, dict[str, str]]:
    """Status, text and headers of an answer."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        answer = await http.request(method, path)
    return answer.status_code, answer.text, dict(answer.headers)


def test_an_exact_path_is_found_without_a_look_at_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that varies, or that several routes take, is looked for."""
    exact = Exact(Router(ROUTES))
    monkeypatch.setattr(Route, "matches", None)
    assert asyncio.run(said(exact, "GET", "/things"))[:2] == (200, "all {} GET")
    for path in ("/things/1", "/things/new", "/twice"):
        with pytest.raises(TypeError, match="not callable"):
            asyncio.run(said(exact, "GET", path))
