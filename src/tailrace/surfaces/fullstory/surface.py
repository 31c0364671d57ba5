"""The surface as one value."""

from tailrace.surfaces.fullstory.curl import SPOKEN
from tailrace.surfaces.fullstory.errors import ERRORS, unknown
from tailrace.surfaces.fullstory.policy import NAME
from tailrace.surfaces.fullstory.routes import OPERATIONS
from tailrace.web.surface import Surface

FULLSTORY = Surface(NAME, ("/api/v1/export/",), OPERATIONS, ERRORS, unknown, SPOKEN)
