"""Admin > Settings: those in force, none of them secret."""

from collections.abc import Sequence

from starlette.responses import Response

from tailrace.config import in_force
from tailrace.portal.pages import PAGE, show
from tailrace.web.operations import Call, Operation


async def get_settings(call: Call) -> Response:
    """The settings."""
    return show(call, "settings.html", "settings", settings=in_force(call.desk.settings))


OPERATIONS: Sequence[Operation] = (
    Operation("GET", "/portal/admin/settings", get_settings, {200: PAGE}, scope="metrics.read"),
)
