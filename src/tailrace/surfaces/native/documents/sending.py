"""What is sent as events. Records are read by `ingest`, each by itself; these documents only describe them."""

from typing import Any

import msgspec

from tailrace.ingest.context import ProfileInput, SessionInput
from tailrace.ingest.protocols.native import NativeEvent, Page
from tailrace.surfaces.native.documents.base import Instant, Strict

# The objects that are kept as text, and what they hold.
_OBJECTS: dict[str, Any] = {
    "params": dict[str, Any],
    "properties": dict[str, Any],
    "session": SessionInput,
    "profile": ProfileInput,
}


def _shown(name: str, kind: type[msgspec.Struct], objects: dict[str, Any]) -> type[msgspec.Struct]:
    """A document with the keys of another one, its texts of objects as the objects that they hold."""
    members = [
        (f.name, f.type) if f.required else (f.name, objects[f.name] | None if f.name in objects else f.type, None)
        for f in msgspec.structs.fields(kind)
    ]
    return msgspec.defstruct(name, members, forbid_unknown_fields=True)


PageBody = _shown("PageBody", Page, _OBJECTS)
EventBody: Any = _shown("EventBody", NativeEvent, _OBJECTS | {"page": PageBody})


class BatchBody(Strict):
    """A batch of events. One event per line, without a batch around them, is taken too."""

    batch: list[EventBody]
    sent_at: Instant | int | None = None
