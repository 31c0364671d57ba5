"""The Analytics Reporting API: where clients find the ids of versions and events that their filters need."""

from tailrace.surfaces.flurry.reporting.errors import ERRORS, unknown
from tailrace.surfaces.flurry.reporting.routes import OPERATIONS
from tailrace.web.surface import Surface

REPORTING = Surface("flurry reporting", ("/public/v1",), OPERATIONS, ERRORS, unknown)
