"""What all documents share. They are strict both ways: what is sent, and what is answered."""

from typing import Annotated

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0)]
Instant = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]  # parsed where it is used
Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    """A document whose unknown keys are errors."""


class ProblemDocument(msgspec.Struct):
    """An error (RFC 9457). `code` is stable, `detail` says what to do next; some errors have keys of their own."""

    type: str
    title: str
    status: Annotated[int, msgspec.Meta(ge=400, le=599)]
    code: str
    detail: str
    retryable: bool
