"""Apps, users and tokens."""

from tailrace.surfaces.native.documents.base import Strict


class TokenDocument(Strict):
    """A new token; its text is shown this once."""

    token: str
