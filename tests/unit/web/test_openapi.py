"""The description of a surface that exists for this test only: nothing in it is of a dialect."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import Response

from tailrace.model.errors import CursorRefused, Forbidden, Invalid, NotFound, TailraceError, Unavailable
from tailrace.web.failures import failures, sample
from tailrace.web.openapi import About, describe
from tailrace.web.operations import Call, Operation, Reply, read_query
from tailrace.web.surface import Surface


class Problem(msgspec.Struct):
    """An error."""

    code: str
    status: int


class CupQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Which cups."""

    size: Annotated[int, msgspec.Meta(ge=1, le=9)]
    colour: Literal["red", "blue"] | None = None
    marks: list[str] = msgspec.field(default_factory=list)


class Cup(msgspec.Struct, forbid_unknown_fields=True):
    """A cup."""

    name: str
    depth: int = 3


class Wish(msgspec.Struct, forbid_unknown_fields=True):
    """All of it may be left out."""

    cups: list[Cup] = msgspec.field(default_factory=list)


async def get_cup(_call: Call) -> Response:
    """Look at a cup: it is there or not.

    Twice.
    """
    return Response()


async def put_cup(_call: Call) -> Response:
    """Put a cup."""
    return Response()


async def pour(_call: Call) -> Response:
    """Pour."""
    return Response()


def reply(status: int, code: str, **headers: str) -> Response:
    """An answer to an error."""
    return Response(msgspec.json.encode(Problem(code, status)), status, headers, "application/problem+json")


ERRORS: Any = {
    Invalid: lambda _: reply(400, "wrong"),
    NotFound: lambda error: reply(404, error.code),
    Forbidden: lambda error: reply(403, error.code),
    CursorRefused: lambda error: reply(409, f"cursor_{error.reason}"),
    Unavailable: lambda error: reply(503, error.code, **{"retry-after": str(error.seconds)}),
    TailraceError: lambda error: reply(500, error.code),
}
OPERATIONS = (
    Operation(
        "GET",
        "/cups/{id}",
        get_cup,
        {200: Reply("It.", Cup, headers={"etag": "Its tag."}), 304: Reply("The same.")},
        scope="cups.read",
        query=CupQuery,
        headers={"if-none-match": "A tag."},
        errors=(404,),
        tag="cups",
    ),
    Operation("PUT", "/cups/{id}", put_cup, {204: Reply("Done.")}, body=Cup, tag="cups"),
    Operation("POST", "/cups/{id}:fill", put_cup, {202: Reply("Soon.")}, body=Wish, tag="cups"),
    Operation(
        "POST",
        "/water",
        pour,
        {200: Reply("Steam.", media_type="text/plain"), 206: Reply("Ice.", media_type="application/octet-stream")},
        security="none",
        takes=("application/json", "text/csv"),
        shows=Wish,
        errors=(409,),
        tag="water",
    ),
)
SURFACE = Surface("cups", ("/cups",), OPERATIONS, ERRORS, lambda status, _: reply(status, f"no_{status}"))


def security(operation: Operation) -> Sequence[Mapping[str, Sequence[str]]]:
    """A token, unless the operation is open."""
    return [{"token": [operation.scope] if operation.scope else []}] if operation.security == "token" else []


ABOUT = About(
    title="Cups",
    version="1",
    description="Cups.",
    schemes={"token": {"type": "http", "scheme": "bearer"}},
    security=security,
    problem=Problem,
    tags={"cups": "About cups."},
    meanings={Cup: {"depth": "In cm."}, CupQuery: {"size": "How big."}},
    parameters={"size": "never this", "marks": "Which marks."},
    headers={"if-none-match": {"schema": {"type": "string", "minLength": 1}}},
    examples={Cup: ({"name": "a"},)},
)


@pytest.fixture(scope="module")
def found() -> Any:
    """The description."""
    return describe(SURFACE, ABOUT)


def test_words(found: Any) -> None:
    """The first sentence of a docstring is the summary, all of it the description; subjects have their words."""
    operation = found["paths"]["/cups/{id}"]["get"]
    assert (operation["operationId"], operation["summary"]) == ("get_cup", "Look at a cup")
    assert operation["description"] == "Look at a cup: it is there or not.\n\nTwice."
    assert found["tags"] == [{"name": "cups", "description": "About cups."}, {"name": "water", "description": ""}]
    assert operation["security"] == [{"token": ["cups.read"]}]


def test_parameters(found: Any) -> None:
    """Variables of the path, keys of the query without null, and headers, each with its meaning."""
    path, size, colour, marks, header = found["paths"]["/cups/{id}"]["get"]["parameters"]
    assert (path["in"], path["required"], path["description"]) == ("path", True, "The id of one of the cups.")
    assert (size["in"], size["required"], size["description"]) == ("query", True, "How big.")
    assert size["schema"] == {"type": "integer", "minimum": 1, "maximum": 9}
    assert (colour["required"], colour["schema"]) == (False, {"enum": ["blue", "red"]})
    assert (marks["schema"]["type"], marks["description"]) == ("array", "Which marks.")
    assert (header["in"], header["name"], header["required"]) == ("header", "if-none-match", False)
    assert (header["description"], header["schema"]) == ("A tag.", {"type": "string", "minLength": 1})


def test_bodies(found: Any) -> None:
    """A body is needed if it has a key that is; what a handler reads by itself is shown by its document."""
    put, fill = found["paths"]["/cups/{id}"]["put"], found["paths"]["/cups/{id}:fill"]["post"]
    cup = {"schema": {"$ref": "#/components/schemas/Cup"}}
    assert put["requestBody"] == {"required": True, "content": {"application/json": cup}}
    assert fill["requestBody"]["required"] is False
    wish = {"schema": {"$ref": "#/components/schemas/Wish"}}
    poured = found["paths"]["/water"]["post"]["requestBody"]["content"]
    assert poured == {"application/json": wish, "text/csv": {}}
    assert "requestBody" not in found["paths"]["/cups/{id}"]["get"]


def test_replies(found: Any) -> None:
    """Documents, plain types, bytes of any type, and answers without a body."""
    get, put = found["paths"]["/cups/{id}"]["get"]["responses"], found["paths"]["/cups/{id}"]["put"]["responses"]
    assert get["200"]["content"] == {"application/json": {"schema": {"$ref": "#/components/schemas/Cup"}}}
    assert get["200"]["headers"] == {"etag": {"description": "Its tag.", "schema": {"type": "string"}}}
    assert (get["304"], put["204"]) == ({"description": "The same."}, {"description": "Done."})
    water = found["paths"]["/water"]["post"]["responses"]
    assert (water["200"]["content"], water["206"]["content"]) == ({"text/plain": {}}, {"*/*": {}})


def test_errors_of_an_operation(found: Any) -> None:
    """What it names, what any may answer, what its credential, scope and body can be refused with; nothing unknown."""
    statuses = {path: next(iter(item.values()))["responses"].keys() for path, item in found["paths"].items()}
    assert statuses["/cups/{id}"] == {"200", "304", "400", "403", "404", "500", "503"}  # nothing answers 401 here
    assert statuses["/cups/{id}:fill"] == {
        "202",
        "400",
        "403",
        "500",
        "503",
    }  # nor 413; 403 is a cookie without its guard
    assert statuses["/water"] == {"200", "206", "400", "409", "500", "503"}


def test_errors_of_a_status(found: Any) -> None:
    """The codes that the surface answers with, and the headers that come with them."""
    responses = found["components"]["responses"]
    assert responses["Problem404"]["description"] == "`no_404` or `not_found`"
    schema = responses["Problem409"]["content"]["application/problem+json"]["schema"]
    assert schema["allOf"][0] == {"$ref": "#/components/schemas/Problem"}
    assert schema["allOf"][1]["properties"] == {"status": {"const": 409}, "code": {"enum": ["cursor_unreadable"]}}
    assert responses["Problem503"]["headers"] == {"retry-after": {"schema": {"type": "string"}}}


def test_documents(found: Any) -> None:
    """Meanings and examples are added to what the structs say."""
    cup = found["components"]["schemas"]["Cup"]
    assert cup["properties"]["depth"] == {"type": "integer", "default": 3, "description": "In cm."}
    assert (cup["examples"], cup["additionalProperties"]) == ([{"name": "a"}], False)


@pytest.mark.parametrize(("text", "where"), [("size=1&colour=null", "colour"), ("size=null", "size"), ("wat=1", "wat")])
def test_a_query_holds_no_null(text: str, where: str) -> None:
    """What the description does not have is refused: the text `null` is no value of a key that may be left out."""
    with pytest.raises(Invalid) as refused:
        read_query(Request({"type": "http", "headers": [], "query_string": text.encode()}), CupQuery)
    assert refused.value.where == where
    good = Request({"type": "http", "headers": [], "query_string": b"size=2&marks=a&marks=null"})
    assert read_query(good, CupQuery) == CupQuery(2, None, ["a", "null"])


@dataclass(eq=False)
class Odd(TailraceError):
    """An error with fields of many types."""

    word: Literal["b", "a"]
    text: str
    number: int
    share: float
    none: str | None
    several: tuple[str, ...]
    listed: list[int]
    any_of: Sequence[str]
    by_name: Mapping[str, int]


def test_a_sample_of_an_error() -> None:
    """Each field has a value of its type."""
    found = sample(Odd)
    assert vars(found) == {
        "word": "b", "text": "", "number": 0, "share": 0.0, "none": None, "several": (), "listed": [], "any_of": (),
        "by_name": {},
    }  # fmt: skip


def test_a_dialect_without_codes() -> None:
    """An answer that is no JSON, or has no code, counts by the code of its error."""
    bare = Surface("bare", (), (), {Invalid: lambda _: Response("no", 400)}, lambda s, _: Response("[]", s))
    assert [(status, [one.code for one in of]) for status, of in failures(bare).items()] == [
        (400, ["invalid_request"]),
        (404, [""]),
        (405, [""]),
    ]
