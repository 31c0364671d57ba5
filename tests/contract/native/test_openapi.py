"""/openapi.json: a valid document that describes every operation and every document as they are."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator
from schemathesis.specs.openapi.definitions import OPENAPI_31

from tailrace import __version__
from tailrace.surfaces.native import NATIVE
from tailrace.surfaces.native.documents.meanings import EXAMPLES, MEANINGS
from tests.contract.described import document, resolved, validator
from tests.contract.native.conftest import Api
from tests.servers import run

ROOT = Path(__file__).resolve().parents[3]
METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture
def backend() -> str:
    """The document is the same on both databases."""
    return "sqlite"


def described() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method and description of each operation."""
    for path, item in document()["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def references(value: Any) -> Iterator[str]:
    """Every reference in a document."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_it_is_valid_by_the_official_schema() -> None:
    """The document is one by the meta-schema of OpenAPI 3.1, and each of its schemas by that of JSON Schema 2020-12."""
    Draft202012Validator(OPENAPI_31).validate(document())
    for schema in document()["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    with pytest.raises(Exception, match="openapi"):
        Draft202012Validator(OPENAPI_31).validate({**document(), "openapi": "2.0"})


def test_every_reference_leads_somewhere_and_every_part_is_used() -> None:
    """No reference is broken, and no schema, answer or tag stands there for nothing."""
    found = set(references(document()))
    for reference in found:
        assert resolved({"$ref": reference})
    for kind in ("schemas", "responses"):
        unused = {name for name in document()["components"][kind] if f"#/components/{kind}/{name}" not in found}
        assert unused <= {"Problem405"}, "only what no operation can answer may be unused"
    assert {tag["name"] for tag in document()["tags"]} == {tag for *_, one in described() for tag in one["tags"]}


def test_every_operation_is_described() -> None:
    """Each operation of the surface is there once, with an id, words, a subject, its credentials and its errors."""
    found = {(method.upper(), path): one for path, method, one in described()}
    assert found.keys() == {(operation.method, operation.path) for operation in NATIVE.operations}
    assert len({one["operationId"] for one in found.values()}) == len(found)
    schemes = document()["components"]["securitySchemes"]
    for operation in NATIVE.operations:
        one = found[(operation.method, operation.path)]
        assert one["summary"], operation.name
        assert one["description"], operation.name
        assert one["tags"] == [operation.tag], operation.name
        assert all(tag["description"] for tag in document()["tags"] if tag["name"] == operation.tag), operation.tag
        assert bool(one["security"]) is (operation.security != "none"), operation.name
        assert {name for way in one["security"] for name in way} <= schemes.keys(), operation.name
        assert set(map(str, operation.errors)) <= one["responses"].keys(), operation.name
        for parameter in one.get("parameters", ()):
            assert parameter["description"], (operation.name, parameter["name"])


def test_every_error_is_at_its_status() -> None:
    """The codes of each status are those of docs/api.md."""
    page = (ROOT / "docs" / "api.md").read_text("utf-8").split("\n## Errors\n")[1]
    documented = {(code, int(status)) for code, status in re.findall(r"^\| `(\w+)` \| (\d+) \|", page, re.MULTILINE)}
    found = set()
    for reply in document()["components"]["responses"].values():
        narrowed = reply["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"]
        found |= {(code, narrowed["status"]["const"]) for code in narrowed["code"]["enum"]}
    assert found == documented


def test_examples_are_what_their_schemas_say() -> None:
    """Each example of a document, and those of docs/api.md, pass their schemas."""
    schemas = document()["components"]["schemas"]
    for kind, examples in EXAMPLES.items():
        assert schemas[kind.__name__]["examples"] == list(examples)
        for example in examples:
            validator(schemas[kind.__name__]).validate(example)
    blocks = re.findall(r"^```json\n(.*?)^```", (ROOT / "docs" / "api.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)
    shown = [json.loads(block) for block in blocks]
    for key, name in (("batch", "BatchBody"), ("split", "ExportBody"), ("rejected", "AcceptedDocument")):
        (example,) = [one for one in shown if key in one]
        validator(schemas[name]).validate(example)


def test_meanings_are_those_of_keys_that_there_are() -> None:
    """Each document that is explained is in the description, and has every key that is."""
    schemas = document()["components"]["schemas"]
    for kind, meanings in MEANINGS.items():
        properties = schemas[kind.__name__]["properties"]
        assert meanings.keys() <= properties.keys(), kind.__name__
        assert all(properties[name]["description"] == what for name, what in meanings.items()), kind.__name__


def test_schemas_are_as_strict_as_the_server() -> None:
    """Keys are closed, instants are instants, counts are counts and words are listed."""
    schemas = document()["components"]["schemas"]
    assert schemas["ExportBody"]["additionalProperties"] is False
    assert schemas["ExportDocument"]["properties"]["created_at"]["format"] == "date-time"
    assert schemas["ManifestDocument"]["properties"]["rows"]["minimum"] == 0
    from tailrace.model.window import Axis

    assert set(schemas["WindowBody"]["properties"]["axis"]["enum"]) == set(get_args(Axis))


def test_it_is_served_to_all_and_cacheable(api: Api) -> None:
    """Anyone gets it, with an ETag that saves sending it again, and the command prints the same document."""
    answer = api.http.get("/openapi.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == document()
    assert answer.json()["info"]["version"] == f"v1+{__version__}"
    assert re.fullmatch(r"public, max-age=\d+", answer.headers["cache-control"])
    etag = answer.headers["etag"]
    for known in (etag, f'"x", W/{etag}', "*"):
        again = api.http.get("/openapi.json", headers={"if-none-match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag), known
    assert api.http.get("/openapi.json", headers={"if-none-match": '"x"'}).status_code == 200
    head = api.http.head("/openapi.json")
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", etag)
    printed = run("openapi")
    assert (printed.returncode, printed.stderr) == (0, "")
    assert json.loads(printed.stdout) == document()
