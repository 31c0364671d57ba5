"""The surface as one value."""

from tailrace.surfaces.devtodev.curl import SPOKEN
from tailrace.surfaces.devtodev.errors import ERRORS, unknown
from tailrace.surfaces.devtodev.policy import NAME
from tailrace.surfaces.devtodev.routes import OPERATIONS
from tailrace.web.surface import Surface

DEVTODEV = Surface(NAME, ("/api/v1/rawexport",), OPERATIONS, ERRORS, unknown, SPOKEN)
