"""Writes the passages of the documents that are made from the code, so that the two cannot drift apart.

A passage stands between `<!-- generated: NAME -->` and `<!-- end generated -->`, in README.md or a page of docs/, and
NAME is a key of `PASSAGES`. Without an argument the pages are updated; `--check` changes nothing and exits 1 if a
passage is stale; `--print NAME` prints one passage. An argument names another tree.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from typer.main import get_command

from tailrace.accounts.audit import ACTIONS
from tailrace.cli.app import make_app
from tailrace.config import Settings
from tailrace.ingest.protocols import PROTOCOLS
from tailrace.ingest.protocols.base import IngestProtocol
from tailrace.model.fields import EVENT_FIELDS, SESSION_FIELDS, Field
from tailrace.model.policy import LIMITS
from tailrace.surfaces.native import NATIVE
from tailrace.surfaces.native.description import ABOUT
from tailrace.web.meters import METERS
from tailrace.web.openapi import describe

PASSAGE = re.compile(
    r"(?P<open><!-- generated: (?P<name>[a-z-]+) -->\n).*?(?P<close>^<!-- end generated -->)", re.DOTALL | re.MULTILINE
)
OPENING = "<!-- generated: "
ROOT = Path(__file__).resolve().parents[1]
BYTES = {"*/*": "Bytes"}
MOST_WORDS = 10  # a longer list of words is left to the description that a server answers with


@dataclass(frozen=True)
class Page:
    """A page as it is and as it should be, and what cannot be made."""

    path: Path
    text: str
    fresh: str
    faults: Sequence[str]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; a bar inside a cell is escaped."""
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def fields() -> str:
    """The canonical fields, those of events first."""
    head = ("field", "type", "unit", "grain", "where it comes from", "what it is")
    return table(head, map(field_row, EVENT_FIELDS + SESSION_FIELDS))


def field_row(field: Field) -> Sequence[str]:
    """One canonical field."""
    source = f"`{field.source}`" if field.sent else f"made by {field.source}"
    return (f"`{field.name}`", field.kind, field.unit, field.grain, source, field.what)


def settings() -> str:
    """The keys of tailrace.toml, nested ones with a dot, and their environment variables."""
    return table(("key", "environment variable", "default", "what it is"), setting_rows(Settings, ()))


def setting_rows(model: type[BaseModel], above: tuple[str, ...]) -> Iterator[Sequence[str]]:
    """The settings of one level and of those below it."""
    for name, info in model.model_fields.items():
        path = (*above, name)
        if isinstance(info.default, BaseModel):
            yield from setting_rows(type(info.default), path)
        else:
            default = f"`{info.default}`" if str(info.default) else ""
            variable = f"TAILRACE_{'__'.join(path).upper()}"
            yield (f"`{'.'.join(path)}`", f"`{variable}`", default, info.description or "")


def limits() -> str:
    """The policy values."""
    rows = ((f"`{limit.name}`", f"{limit.default:,}", limit.unit, limit.what) for limit in LIMITS.values())
    return table(("limit", "default", "unit", "what it is"), rows)


def commands() -> str:
    """Every command with its arguments and options."""
    root = get_command(make_app())
    return "\n".join(command_text(names, command) for names, command in every_command(root, ("tailrace",)))


def every_command(command: Any, names: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Commands with their full names; a group is only the way to its commands."""
    members = getattr(command, "commands", None)
    if members is None:
        yield names, command
    for name, member in (members or {}).items():
        yield from every_command(member, (*names, name))


def command_text(names: Sequence[str], command: Any) -> str:
    """One command: heading, what it does, and a table of what it takes."""
    text = " ".join((command.help or "").split())
    rows = [parameter_row(parameter) for parameter in command.params if parameter.name != "help"]
    takes = f"\n{table(('takes', 'default', 'what it is'), rows)}" if rows else ""
    return f"### {' '.join(names[1:])}\n\n{text}\n{takes}"


def parameter_row(parameter: Any) -> Sequence[str]:
    """One argument or option."""
    spelled = ", ".join(parameter.opts) if parameter.param_type_name == "option" else parameter.metavar
    default = (
        "" if parameter.default in (None, False, "", ()) or callable(parameter.default) else f"`{parameter.default}`"
    )
    needed = "needed" if parameter.required else default
    return (f"`{spelled}`", needed, parameter.help or "")


def metrics() -> str:
    """Every metric of ours."""
    rows = (
        (f"`{meter.name}`", meter.kind, ", ".join(f"`{label}`" for label in meter.labels), meter.source, meter.what)
        for meter in METERS.values()
    )
    return table(("metric", "kind", "labels", "counted in", "what it is"), rows)


def actions() -> str:
    """What the audit tells of."""
    return table(("action", "who"), ((f"`{name}`", what) for name, what in ACTIONS.items()))


def operations() -> str:
    """Every operation of the API by subject: what it does, takes and answers."""
    api = describe(NATIVE, ABOUT)
    found = [(f"{method.upper()} {path}", one) for path, of in api["paths"].items() for method, one in of.items()]
    return "\n".join(tag_text(tag, [one for one in found if one[1]["tags"] == [tag["name"]]]) for tag in api["tags"])


def tag_text(tag: Any, found: Sequence[tuple[str, Any]]) -> str:
    """The operations of one subject."""
    texts = (operation_text(name, operation) for name, operation in found)
    return f"## {tag['name'].capitalize()}\n\n{tag['description']}\n\n" + "\n".join(texts)


def operation_text(name: str, operation: Any) -> str:
    """One operation: heading, what it does, who may, and tables of what it takes and answers."""
    parts = [f"### {name}", " ".join(operation["description"].split()), credentials(operation)]
    if rows := [*map(parameter_of, operation.get("parameters", ())), *body_rows(operation)]:
        parts.append(table(("takes", "where", "what it is"), rows).rstrip())
    found = sorted(operation["responses"].items())
    answers = [(status, answer_text(reply)) for status, reply in found if "$ref" not in reply]
    parts.append(table(("status", "answer"), answers).rstrip())
    parts.append(f"Errors: {', '.join(status for status, reply in found if '$ref' in reply)}.")
    return "\n\n".join(parts) + "\n"


def credentials(operation: Any) -> str:
    """Who may."""
    ways = [credential_text(way) for way in operation["security"]]
    return f"Credential: {'; or '.join(ways)}." if ways else "Open to all."


def credential_text(way: Any) -> str:
    """What is sent together, and the scope that it must have; nothing is needed where the path itself is signed."""
    if not way:
        return "none, for a signed link"
    (scopes,) = {tuple(scopes) for scopes in way.values()}
    return " with ".join(f"`{name}`" for name in way) + "".join(f", scope `{scope}`" for scope in scopes)


def parameter_of(parameter: Any) -> Sequence[str]:
    """A variable of the path, a key of the query or a header."""
    needed = "path" if parameter["in"] == "path" else parameter["in"] + (", needed" if parameter["required"] else "")
    kind = "" if parameter["schema"] == {"type": "string"} else f" ({kind_text(parameter['schema'])})"
    return (f"`{parameter['name']}`", needed, parameter["description"] + (kind if parameter["in"] == "query" else ""))


def body_rows(operation: Any) -> Iterator[Sequence[str]]:
    """The body by media type."""
    body = operation.get("requestBody", {"content": {}})
    for media, of in body["content"].items():
        where = "body, needed" if body["required"] else "body"
        yield (f"`{media}`", where, kind_text(of["schema"]) if "schema" in of else "")


def answer_text(reply: Any) -> str:
    """One answer: what it says, its document, and headers with a meaning of their own."""
    kinds = [
        kind_text(of["schema"]) if "schema" in of else BYTES.get(media, f"`{media}`")
        for media, of in reply.get("content", {}).items()
    ]
    headers = [f"`{name}`: {header['description']}" for name, header in reply.get("headers", {}).items()]
    return " ".join([reply["description"], *(f"{kind}." for kind in kinds), *headers])


def errors() -> str:
    """The codes of each status, and the headers that come with it."""
    replies = [one for _, one in sorted(describe(NATIVE, ABOUT)["components"]["responses"].items())]
    return table(("status", "codes", "headers"), map(error_row, replies))


def error_row(reply: Any) -> Sequence[str]:
    """One status."""
    (content,) = reply["content"].values()
    said = content["schema"]["allOf"][1]["properties"]
    codes = ", ".join(f"`{code}`" for code in said["code"]["enum"])
    return (str(said["status"]["const"]), codes, ", ".join(f"`{name}`" for name in reply.get("headers", ())))


def protocols() -> str:
    """The paths of each ingest protocol; one that is there with and without a slash at its end is shown once."""
    head = ("protocol", "takes events at", "only answers at")
    return table(head, (protocol_row(PROTOCOLS[name]) for name in sorted(PROTOCOLS)))


def protocol_row(protocol: IngestProtocol) -> Sequence[str]:
    """One protocol."""
    found = ((path for door in doors for path in door.paths) for doors in (protocol.intakes, protocol.inert))
    return (protocol.name, *(", ".join(f"`{path}`" for path in shortened(list(paths))) for paths in found))


def shortened(paths: Sequence[str]) -> Sequence[str]:
    """Paths without those that another has but for the slash at its end."""
    return [path for path in paths if not path.endswith("/") or path[:-1] not in paths]


def documents() -> str:
    """Every document of the API with its keys."""
    schemas = describe(NATIVE, ABOUT)["components"]["schemas"]
    return "\n".join(document_text(name, schemas[name]) for name in sorted(schemas))


def document_text(name: str, schema: Any) -> str:
    """One document: heading, what it is, and a table of its keys."""
    needed = schema.get("required", ())
    rows = [
        (f"`{key}`", kind_text(of), "needed" if key in needed else default_text(of), of.get("description", ""))
        for key, of in schema["properties"].items()
    ]
    text = " ".join(schema.get("description", "").replace("``", "`").split())
    return f"### {name}\n\n{text}\n\n{table(('key', 'type', 'default', 'what it is'), rows)}"


def default_text(schema: Any) -> str:
    """A default as JSON."""
    return f"`{json.dumps(schema['default'])}`" if "default" in schema else ""


def kind_text(schema: Any) -> str:
    """The type of a value in words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in schema:
        words = [word for word in schema["enum"] if word is not None]
        return ", ".join(f"`{word}`" for word in words) if len(words) <= MOST_WORDS else f"one of {len(words)} words"
    if "anyOf" in schema:
        return " or ".join(kind_text(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {kind_text(schema['items'])}" if schema.get("items") else "list"
    if schema.get("minimum") == -(1 << 63):
        return "integer of 64 bits"
    bounds = [f"{sign} {schema[key]:,}" for key, sign in (("minimum", "≥"), ("maximum", "≤")) if key in schema]
    return ", ".join([schema.get("format") or schema.get("type") or "any value", *bounds])


PASSAGES: Mapping[str, Callable[[], str]] = {
    "actions": actions,
    "commands": commands,
    "documents": documents,
    "errors": errors,
    "fields": fields,
    "limits": limits,
    "metrics": metrics,
    "operations": operations,
    "protocols": protocols,
    "settings": settings,
}


def pages(root: Path) -> Iterator[Page]:
    """Every page of a tree that holds a passage."""
    for path in (root / "README.md", *sorted((root / "docs").rglob("*.md"))):
        text = path.read_text("utf-8") if path.exists() else ""
        if OPENING in text:
            yield Page(path, text, PASSAGE.sub(filled, text), tuple(faults(text)))


def filled(passage: re.Match[str]) -> str:
    """The passage with its markers, made anew; as it was when nothing makes it."""
    make = PASSAGES.get(passage["name"])
    return passage[0] if make is None else f"{passage['open']}\n{make()}\n{passage['close']}"


def faults(text: str) -> Iterator[str]:
    """Why a passage of a page cannot be made."""
    names = [passage["name"] for passage in PASSAGE.finditer(text)]
    yield from (
        f"nothing makes the passage {name}; there are {', '.join(PASSAGES)}" for name in names if name not in PASSAGES
    )
    if len(names) != text.count(OPENING):
        yield "a passage has no end or a wrong name; close it with a line <!-- end generated -->"


def findings(page: Page, *, check: bool) -> Iterator[str]:
    """What somebody has to mend by hand; with `check` a stale passage too."""
    yield from page.faults
    if check and page.fresh != page.text:
        yield "a generated passage is stale; run scripts/generate_docs.py"


def main(arguments: Sequence[str]) -> int:
    """Update, check or print."""
    asked = parser().parse_args(arguments)
    if asked.print:
        sys.stdout.write(PASSAGES[asked.print]())
        return 0
    found = list(pages(asked.root))
    problems = [(page, finding) for page in found for finding in findings(page, check=asked.check)]
    for page, finding in problems:
        print(f"{page.path.relative_to(asked.root)}: {finding}")
    for page in () if asked.check else found:
        page.path.write_text(page.fresh, "utf-8")
    return 1 if problems else 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description="Write the generated passages of the documents.")
    made.add_argument("--check", action="store_true", help="change nothing; exit 1 if a passage is stale")
    made.add_argument("--print", choices=PASSAGES, help="print one passage and change nothing")
    made.add_argument("root", nargs="?", type=Path, default=ROOT, help="another tree")
    return made


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
