"""What all documents share. They are strict both ways: what is sent, and what is answered."""

import msgspec


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    """A document whose unknown keys are errors."""


class ProblemDocument(msgspec.Struct):
    """An error (RFC 9457). `code` is stable, `detail` says what to do next; some errors have keys of their own."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    retryable: bool
