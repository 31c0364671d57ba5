"""How this dialect is asked for what an export asked for."""

import shlex
from datetime import timedelta
from urllib.parse import urlencode

from tailrace.model.zones import day_in, midnight
from tailrace.surfaces.leanplum.policy import ZONE
from tailrace.surfaces.leanplum.routes import PATH
from tailrace.web.curls import Asking, Spoken

_KEY = "$TAILRACE_EXPORT_KEY"
_FORMATS = ("json", "csv")


def _curl(asking: Asking) -> str | None:
    """All sessions that began on some Pacific days."""
    request, window = asking.request, asking.request.window
    if request.format not in _FORMATS or request.columns or not request.filters.empty:
        return None
    if window.axis != "session_start" or window.start is None or window.end is None or request.available is not None:
        return None
    first, end = day_in(window.start, ZONE), day_in(window.end, ZONE)
    if (midnight(first, ZONE), midnight(end, ZONE)) != (window.start, window.end):
        return None
    asked = {
        "appId": request.app,
        "action": "exportData",
        "startDate": first.strftime("%Y%m%d"),
        "endDate": (end - timedelta(days=1)).strftime("%Y%m%d"),
        "exportFormat": request.format,
    }
    url = shlex.quote(f"{asking.base}{PATH}?{urlencode(asked)}")
    return f'curl -sS \\\n  -d "clientKey={_KEY}" \\\n  {url}'


SPOKEN = Spoken("Leanplum", _curl)
