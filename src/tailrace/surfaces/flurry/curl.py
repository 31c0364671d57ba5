"""How this dialect is asked for what an export asked for."""

from tailrace.surfaces.flurry.parse import FORMATS, TYPE
from tailrace.surfaces.flurry.routes import ALL
from tailrace.web.curls import Asking, Spoken, post

_KEY = "YOUR_API_KEY"
_CALLED = {format_: name for name, format_ in FORMATS.items()}


def _curl(asking: Asking) -> str | None:
    """Sessions of a period, in the formats and by the filters that the document knows."""
    request, window = asking.request, asking.request.window
    if request.format not in _CALLED or window.axis != "session_start" or request.filters.where or request.columns:
        return None
    attributes = {
        "startTime": str(window.start),
        "endTime": str(window.end),
        "outputFormat": _CALLED[request.format],
        "apiKey": asking.api_key or _KEY,
        **({"eventIds": ",".join(map(str, asking.events))} if asking.events else {}),
        **({"app_versions": ",".join(map(str, asking.versions))} if asking.versions else {}),
    }
    return post(f"{asking.base}{ALL}", {"data": {"type": TYPE, "attributes": attributes}})


SPOKEN = Spoken("Flurry", _curl)
