"""The surface as one value."""

from tailrace.surfaces.leanplum.curl import SPOKEN
from tailrace.surfaces.leanplum.errors import ERRORS, unknown
from tailrace.surfaces.leanplum.policy import NAME
from tailrace.surfaces.leanplum.routes import OPERATIONS, PATH
from tailrace.web.surface import Surface

LEANPLUM = Surface(NAME, (PATH, "/export-"), OPERATIONS, ERRORS, unknown, SPOKEN)
