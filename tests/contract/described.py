"""Answers are what the description says: their status, type, headers and document."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import httpx
from jsonschema import Draft202012Validator

from tailrace.surfaces.native import NATIVE
from tailrace.surfaces.native.description import ABOUT
from tailrace.web.openapi import describe
from tailrace.web.operations import Operation


@cache
def document() -> Mapping[str, Any]:
    """The description of the native API, as a client reads it."""
    found: Mapping[str, Any] = json.loads(json.dumps(describe(NATIVE, ABOUT)))
    return found


def resolved(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a reference refers to; anything else is itself."""
    if "$ref" not in value:
        return value
    found: Any = document()
    for step in value["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return resolved(found)


def validator(schema: Mapping[str, Any]) -> Draft202012Validator:
    """What checks a value by a schema whose references are into the description."""
    whole = {**schema, "components": document()["components"]}
    return Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)


def check_answer(operation: Operation, answer: httpx.Response) -> None:
    """Fail if an answer is none that the description has. Pages for people have none."""
    if operation not in NATIVE.operations:
        return
    found = document()["paths"][operation.path][operation.method.lower()]["responses"]
    what = (operation.name, answer.status_code, answer.text[:300])
    assert str(answer.status_code) in found, what
    reply = resolved(found[str(answer.status_code)])
    content = reply.get("content", {})
    if not content:
        assert answer.content == b"", what
        return
    kind = answer.headers["content-type"].partition(";")[0]
    assert kind in content or "*/*" in content, (*what, kind)
    if answer.request.method != "HEAD" and "schema" in content.get(kind, {}):
        validator(content[kind]["schema"]).validate(answer.json())
