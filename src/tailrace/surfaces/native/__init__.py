"""Tailrace's own API, below ``/v1``."""

from tailrace.surfaces.native.errors import ERRORS, unknown
from tailrace.surfaces.native.routes import OPERATIONS
from tailrace.web.surface import Surface

NATIVE = Surface("native", ("/v1",), OPERATIONS, ERRORS, unknown)
