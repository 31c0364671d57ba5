"""Pages for people, made on the server; they work without JavaScript."""

from tailrace.portal.errors import ERRORS, unknown
from tailrace.portal.routes import OPERATIONS
from tailrace.web.surface import Surface

PORTAL = Surface("portal", ("/setup", "/portal"), OPERATIONS, ERRORS, unknown)
