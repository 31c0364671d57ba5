"""Pages for people, made on the server; they work without JavaScript."""

from tailrace.portal.pages import ERRORS, unknown
from tailrace.portal.setup import OPERATIONS
from tailrace.web.surface import Surface

PORTAL = Surface("portal", ("/setup",), OPERATIONS, ERRORS, unknown)
