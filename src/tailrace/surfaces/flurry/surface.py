"""The surface as one value."""

from tailrace.surfaces.flurry.curl import SPOKEN
from tailrace.surfaces.flurry.errors import ERRORS, unknown
from tailrace.surfaces.flurry.policy import NAME
from tailrace.surfaces.flurry.routes import OPERATIONS
from tailrace.web.surface import Surface

FLURRY = Surface(NAME, ("/pulse/",), OPERATIONS, ERRORS, unknown, SPOKEN)
