"""A surface as an OpenAPI 3.1 document, made from its operations and their documents."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import cleandoc
from typing import Any

import msgspec
from msgspec import Struct, field

from tailrace.web.failures import Failure, failures
from tailrace.web.operations import Operation, Reply
from tailrace.web.surface import Surface

Json = dict[str, Any]
Document = type[Struct]
_SCHEMAS = "#/components/schemas/"
_VARIABLE = re.compile(r"\{(\w+)(?::\w+)?\}")
_ALWAYS = frozenset((400, 500, 503))  # a key that nobody knows, a defect, a database that does not answer
_EMPTY = frozenset((204, 304))
_BYTES = "application/octet-stream"  # what an operation says whose answer has whatever type its file has
_NO_BODY = "application/json"  # an answer of JSON has a document; without one it has no body


class About(Struct, frozen=True):
    """What no operation says of a surface.

    `schemes` are its security schemes by name and `security` the alternatives of them that an operation takes.
    `problem` is the document of its errors. `meanings` explain keys of documents, `parameters` those of queries by
    their names alone, and `examples` are documents. `headers` says more of a header of requests than that it is text.
    """

    title: str
    version: str
    description: str
    schemes: Mapping[str, Json]
    security: Callable[[Operation], Sequence[Mapping[str, Sequence[str]]]]
    problem: Document
    tags: Mapping[str, str] = field(default_factory=dict)
    meanings: Mapping[Document, Mapping[str, str]] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, Json] = field(default_factory=dict)
    examples: Mapping[Document, Sequence[Any]] = field(default_factory=dict)


def describe(surface: Surface, about: About) -> Json:
    """The OpenAPI document of a surface."""
    writer = _Writer(surface, about)
    operations = surface.operations
    return {
        "openapi": "3.1.0",
        "info": {"title": about.title, "version": about.version, "description": about.description},
        "servers": [{"url": "/"}],
        "tags": [
            {"name": tag, "description": about.tags.get(tag, "")} for tag in dict.fromkeys(o.tag for o in operations)
        ],
        "paths": {path: writer.path(path) for path in dict.fromkeys(_plain(o.path) for o in operations)},
        "components": {
            "schemas": writer.schemas,
            "responses": {_failed(status): writer.failure(status) for status in writer.failures},
            "securitySchemes": dict(about.schemes),
        },
    }


def statuses(operation: Operation) -> Sequence[int]:
    """The statuses of errors that an operation can answer with."""
    found = {*_ALWAYS, *operation.errors}
    if operation.security != "none":
        found.add(401)
    if operation.scope is not None or (operation.security == "token" and operation.method != "GET"):
        found.add(403)  # no scope, or a session's cookie without its guard
    if operation.security in ("token", "token_or_login", "link"):
        found.add(429)  # a token comes faster than it may
    if operation.body is not None or operation.takes:
        found.add(413)
    return sorted(found)


def documents(operations: Sequence[Operation]) -> Iterator[Document]:
    """The documents that operations take and answer."""
    for operation in operations:
        yield from (kind for kind in (operation.body, operation.shows) if kind is not None)
        yield from (reply.document for reply in operation.replies.values() if reply.document is not None)


class _Writer:
    """Writes the parts of a document that refer to each other."""

    def __init__(self, surface: Surface, about: About) -> None:
        self.operations = surface.operations
        self.about = about
        self.failures = failures(surface)
        kinds = list(dict.fromkeys((about.problem, *documents(surface.operations))))
        found, self.schemas = msgspec.json.schema_components(kinds, ref_template=_SCHEMAS + "{name}")
        self.refs = dict(zip(kinds, found, strict=True))
        self._explain()

    def _explain(self) -> None:
        """Add what the structs do not say themselves."""
        for kind, meanings in self.about.meanings.items():
            properties = self.schemas.get(kind.__name__, {}).get("properties", {})
            for name in properties.keys() & meanings.keys():
                properties[name]["description"] = meanings[name]
        for kind, examples in self.about.examples.items():
            if kind.__name__ in self.schemas:
                self.schemas[kind.__name__]["examples"] = list(examples)

    def path(self, path: str) -> Json:
        """The methods of a path."""
        return {o.method.lower(): self.operation(o) for o in self.operations if _plain(o.path) == path}

    def operation(self, operation: Operation) -> Json:
        text = cleandoc(operation.handler.__doc__ or operation.name)
        found: Json = {
            "operationId": operation.name,
            "summary": _summary(text),
            "description": text,
            "tags": [operation.tag],
            "security": [dict(one) for one in self.about.security(operation)],
            "responses": self.responses(operation),
        }
        if parameters := [*_path_parameters(operation.path), *self.query(operation), *self.headers(operation)]:
            found["parameters"] = parameters
        if content := self.content(operation):
            found["requestBody"] = {"required": _needed(operation), "content": content}
        return found

    def query(self, operation: Operation) -> Iterator[Json]:
        """The keys of an operation's query."""
        (ref,), found = msgspec.json.schema_components([operation.query], ref_template="{name}")
        schema, meanings = (
            found[ref["$ref"]],
            {**self.about.parameters} | {**self.about.meanings.get(operation.query, {})},
        )
        for name, of in schema["properties"].items():
            yield {
                "name": name,
                "in": "query",
                "required": name in schema["required"],
                "description": meanings.get(name, ""),
                "schema": _without_null(of),
            }

    def headers(self, operation: Operation) -> Iterator[Json]:
        """The headers that an operation heeds."""
        text: Json = {"required": False, "schema": {"type": "string"}}
        for name, what in operation.headers.items():
            yield {"name": name, "in": "header", "description": what} | text | self.about.headers.get(name, {})

    def content(self, operation: Operation) -> Json:
        """The bodies that an operation takes, by media type."""
        if operation.body is not None:
            return {"application/json": {"schema": self.refs[operation.body]}}
        shown = {} if operation.shows is None else {"schema": self.refs[operation.shows]}
        return {kind: shown if kind == "application/json" else {} for kind in operation.takes}

    def responses(self, operation: Operation) -> Json:
        """All answers, those that are errors by reference."""
        found = {str(status): self.reply(status, reply) for status, reply in operation.replies.items()}
        for status in statuses(operation):
            if status in self.failures:
                found.setdefault(str(status), {"$ref": f"#/components/responses/{_failed(status)}"})
        return found

    def reply(self, status: int, reply: Reply) -> Json:
        found: Json = {"description": reply.what}
        if reply.headers:
            found["headers"] = {
                name: {"description": what, "schema": {"type": "string"}} for name, what in reply.headers.items()
            }
        if reply.document is not None:
            found["content"] = {reply.media_type: {"schema": self.refs[reply.document]}}
        elif reply.media_type != _NO_BODY and status not in _EMPTY:
            found["content"] = {"*/*" if reply.media_type == _BYTES else reply.media_type: {}}
        return found

    def failure(self, status: int) -> Json:
        """The answer to any error of a status."""
        of = self.failures[status]
        codes = [one.code for one in of]
        narrowed = {"properties": {"status": {"const": status}, "code": {"enum": codes}}}
        schema = {"allOf": [self.refs[self.about.problem], narrowed]}
        found: Json = {
            "description": " or ".join(f"`{code}`" for code in codes),
            "content": {kind: {"schema": schema} for kind in dict.fromkeys(one.media_type for one in of)},
        }
        if headers := _headers_of(of):
            found["headers"] = {name: {"schema": {"type": "string"}} for name in headers}
        return found


def _path_parameters(path: str) -> Iterator[Json]:
    for match in _VARIABLE.finditer(path):
        words = [word.strip("$") for word in path[: match.start()].split("/") if word and "{" not in word]
        yield {
            "name": match[1],
            "in": "path",
            "required": True,
            "description": f"The {match[1]} of one of the {words[-1]}." if words else f"The {match[1]}.",
            "schema": {"type": "string", "minLength": 1},
        }


def _without_null(schema: Json) -> Json:
    """A key of a query is there or not; it is never null."""
    found = {name: value for name, value in schema.items() if name != "default" or value is not None}
    choices: list[Json] = [choice for choice in found.pop("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1:
        return found | choices[0]
    return found | ({"anyOf": choices} if choices else {})


def _needed(operation: Operation) -> bool:
    """Whether an operation needs a body: an empty one is an object without keys."""
    if operation.body is None:
        return True
    return any(one.required for one in msgspec.structs.fields(operation.body))


def _headers_of(of: Sequence[Failure]) -> Sequence[str]:
    return list(dict.fromkeys(name for one in of for name in one.headers))


def _plain(path: str) -> str:
    """A path whose variables have no converters."""
    return _VARIABLE.sub(r"{\1}", path)


def _failed(status: int) -> str:
    return f"Problem{status}"


def _summary(text: str) -> str:
    """The first sentence of a description, or what stands before its colon."""
    return re.split(r"[.:;](?:\s|$)", text, maxsplit=1)[0]
