"""Elements of pages, as a script describes what was clicked: innermost first, as objects or as one text."""

import re
from collections.abc import Mapping
from typing import Any

from tailrace.ingest.rows import fitting

_CHAIN_TEXT = re.compile(r'(?<=[":])text="((?:[^"\\]|\\.)*+)"')
_CHAIN_PARTS = re.compile(r'(?:[^;"]|"(?:[^"\\]|\\.)*+"?)++')  # a text that never ends is read but once


def element_of(params: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Text and selector, from the root down, of the element that an event is about."""
    text = fitting(params.get("$el_text"), str)
    chain, objects = params.get("$elements_chain"), params.get("$elements")
    if isinstance(chain, str) and (parts := _CHAIN_PARTS.findall(chain)):
        found = _CHAIN_TEXT.search(parts[0])
        told = found[1].replace('\\"', '"') if found else None
        return text or told, " ".join(part.partition(":")[0] for part in reversed(parts))
    if isinstance(objects, list) and objects and all(isinstance(one, dict) for one in objects):
        return text or fitting(objects[0].get("$el_text"), str), " ".join(map(_token, reversed(objects)))
    return text, None


def _token(element: Mapping[str, Any]) -> str:
    classes = element.get("classes") or element.get("attr__class") or ()
    words = classes.split() if isinstance(classes, str) else [str(word) for word in classes]
    name = str(element.get("tag_name", "*"))
    own = f"#{element['attr__id']}" if element.get("attr__id") else ""
    return name + own + "".join(f".{word}" for word in words)
