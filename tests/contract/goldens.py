"""Replies to errors as golden files, a folder for each surface. `TAILRACE_UPDATE_GOLDEN=1` writes them anew."""

import json
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from starlette.responses import Response

from tailrace.model.errors import TailraceError
from tests.contract.native.test_errors import family

_GOLDEN = Path(__file__).resolve().parents[1] / "golden"


def check_reply(folder: str, name: str, reply: Response) -> None:
    """Make sure that status, headers and body of a reply are those of its file."""
    path = _GOLDEN / folder / f"{name}.json"
    headers = dict(sorted(reply.headers.items()))
    found = {"status": reply.status_code, "headers": headers, "body": bytes(reply.body).decode()}
    if os.environ.get("TAILRACE_UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", "utf-8")
    assert found == json.loads(path.read_text("utf-8"))


def check_names(folder: str, names: Collection[str]) -> None:
    """Make sure that each file of a folder belongs to a reply."""
    assert {path.stem for path in (_GOLDEN / folder).glob("*.json")} == set(names)


def check_total(errors: Mapping[type[TailraceError], Any], replies: Mapping[str, TailraceError]) -> None:
    """Make sure that a surface's table names every class of the family and nothing else, and each has a reply here."""
    assert set(errors) == set(family())
    assert {type(error) for error in replies.values()} == set(family())
