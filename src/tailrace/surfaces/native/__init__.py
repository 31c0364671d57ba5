"""Tailrace's own API, below ``/v1``."""

from tailrace.surfaces.native.curl import SPOKEN
from tailrace.surfaces.native.description import ABOUT
from tailrace.surfaces.native.errors import ERRORS, unknown
from tailrace.surfaces.native.routes import OPERATIONS
from tailrace.web.describing import describing
from tailrace.web.surface import Surface

NATIVE = describing(Surface("native", ("/v1",), OPERATIONS, ERRORS, unknown, SPOKEN), ABOUT)
