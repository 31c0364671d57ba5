"""Real exports in every form, saved as a client saves them, for the tests of verify."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from tailrace.exports.submit import submit
from tailrace.exports.verify.report import Report
from tailrace.model.access import Scope
from tailrace.model.clock import HOUR
from tailrace.model.export import ExportRequest, Packing, Split
from tailrace.model.window import Axis
from tailrace.wiring import House, open_house
from tests.sending import T0, Row, event, file_bytes, in_threads, principal, request, seal, send, work
from tests.templates import TemplateOf

# What each format must write in another way: quotes, separators, line ends, formulas, signs that XML has not.
ODD = ('a,b "c"', "=1+1", "-x", "two\r\nlines", "\n", "<&>]]>", "ä\u2028\U0001f600", "[", "_x000A_", "'=q", "\ttab")
APOSTROPHE = "'"  # before a sign of a formula it cannot be told from a guard: no id begins so
SPLITS: dict[str, tuple[Split, ...]] = {
    "events": ("single", "size", "hour", "day", "event"),
    "sessions": ("size", "single", "hour", "day"),
    "tables": ("event",),
}
PACKINGS: dict[str, tuple[Packing, ...]] = {
    "json": ("gzip", "none", "zstd", "zip"),
    "csv": ("gzip", "none", "zstd", "zip"),
    "xml": ("gzip", "none", "zstd", "zip"),
    "parquet": ("none", "zip"),
}
FORMS = [(shape, format_) for shape in SPLITS for format_ in PACKINGS]


@dataclass
class Download:
    """An export on disk that a test can damage."""

    folder: Path
    manifest: dict[str, Any]

    @property
    def entry(self) -> dict[str, Any]:
        """What the manifest says of the first file."""
        entry: dict[str, Any] = self.manifest["files"][0]
        return entry

    @property
    def file(self) -> Path:
        """The first file."""
        return self.folder / str(self.entry["name"])

    def save(self) -> None:
        """Write the manifest as it is now."""
        (self.folder / "manifest.json").write_text(json.dumps(self.manifest))

    def write(self, data: bytes, **claims: object) -> None:
        """Write other bytes into the first file, as if the server had: the manifest tells their size and hash."""
        self.file.write_bytes(data)
        self.entry.update({"bytes": len(data), "sha256": sha256(data).hexdigest()} | claims)
        self.manifest["bytes"] = sum(file["bytes"] for file in self.manifest["files"])
        self.save()


@contextmanager
def new_house(template_of: TemplateOf, folder: Path) -> Iterator[House]:
    """A store of a module's tests, whose exports are made in this process.

    It is on the embedded database: what verify reads does not depend on where the engine kept it.
    """
    template_of("sqlite", "provisioned").copy(folder / "data", "")
    with open_house(folder / "data") as opened:
        yield in_threads(opened)


def odd_events(step: int) -> Iterator[Row]:
    """Events whose ids, names and parameters hold odd texts, in sessions that go on through steps."""
    for number, text in enumerate(ODD):
        for device in range(3):
            yield event(
                text if device == 2 else ("plain", "other")[device],
                T0 + step * HOUR + number * 7 * HOUR + device * 1000,
                device=f"d{device}",
                session=f"s{number}-{device}",
                id=f"{text.strip(APOSTROPHE)}{step}/{device}",
                params={"t": text, "n": number, "mixed": (1, "x", None, [text], 1.5)[number % 5], text: {"in": text}},
                user_id=text,
            ) | {"session": {"app_version": text, "latitude": -1.5 * number}}


def wave(house: House, scope: Scope, step: int = 0) -> None:
    """Send and seal odd events; those of later steps join sessions as late fragments."""
    send(house, scope, list(odd_events(step)))
    seal(house, scope)


def asked(
    scope: Scope, form: Mapping[str, Any], axis: Axis = "available", start: int | None = None, end: int | None = None
) -> ExportRequest:
    """A request for everything in a window, in some form: keys of a request."""
    return replace(request(scope, axis, start, end), **form)


def codes(report: Report) -> list[str]:
    """The codes of all findings, each once."""
    return sorted({finding.code for finding in report.findings})


def download(house: House, scope: Scope, wanted: ExportRequest, folder: Path) -> Download:
    """Run an export and save its manifest, schema and files."""
    done = work(house, scope, submit(house.submitter(), principal(house, scope), scope, wanted).id)
    assert done.state == "succeeded", done.error
    folder.mkdir(parents=True)
    found = Download(folder, json.loads(done.manifest or ""))
    found.save()
    for file in (*found.manifest["files"], found.manifest["schema"]):
        (folder / file["name"]).write_bytes(file_bytes(house, done, file["name"]))
    return found
