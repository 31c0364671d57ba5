"""The description of a surface, served by the surface itself."""

from functools import cached_property
from typing import Any

import msgspec
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from tailrace.web.conditions import etag_of, has_already
from tailrace.web.openapi import About, describe
from tailrace.web.operations import Call, Handler, Operation, Reply
from tailrace.web.surface import Surface

PATH = "/openapi.json"
_FRESH_S = 300  # it changes with a release only


class DescriptionDocument(msgspec.Struct):
    """An OpenAPI document: which version of the standard, of what, its paths, and what these refer to."""

    openapi: str
    info: dict[str, Any]
    paths: dict[str, Any]
    components: dict[str, Any]


def describing(surface: Surface, about: About) -> Surface:
    """A surface with one operation more, which answers with the description of all of them."""
    served = _Served(surface, about)

    async def get_openapi(call: Call) -> Response:
        """This description, as an OpenAPI 3.1 document."""
        return served.answer(call.request)

    served.surface = replace(surface, operations=(*surface.operations, _operation(get_openapi)))
    return served.surface


def text_of(surface: Surface, about: About) -> bytes:
    """The document as JSON."""
    return msgspec.json.encode(describe(surface, about))


def _operation(handler: Handler) -> Operation:
    headers = {"etag": "Changes with the document.", "cache-control": "For how long it need not be asked for again."}
    replies = {
        200: Reply("The document.", DescriptionDocument, headers=headers),
        304: Reply("It is the one that you have.", headers=headers),
    }
    known = {"if-none-match": "The `etag` of the document that you have."}
    return Operation("GET", PATH, handler, replies, security="none", headers=known, tag="service")


class _Served:
    """The document, made when it is first asked for."""

    def __init__(self, surface: Surface, about: About) -> None:
        self.surface = surface
        self.about = about

    @cached_property
    def text(self) -> bytes:
        """The document as JSON."""
        return text_of(self.surface, self.about)

    def answer(self, request: Request) -> Response:
        """The document, or that nothing has changed."""
        etag = etag_of(self.text)
        headers = {"etag": etag, "cache-control": f"public, max-age={_FRESH_S}"}
        if has_already(request.headers, etag):
            return Response(status_code=304, headers=headers)
        return Response(self.text, headers=headers, media_type="application/json")
