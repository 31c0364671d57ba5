"""How this dialect is asked for what an export asked for."""

import shlex

import msgspec

from tailrace.surfaces.devtodev.routes import BASE
from tailrace.web.curls import TOKEN, Asking, Spoken

_SECOND = 1000  # ms


def _curl(asking: Asking) -> str | None:
    """CSV files of whole seconds of the events' own time; names of events are those of custom ones."""
    request, window = asking.request, asking.request.window
    filters = request.filters
    if request.format != "csv" or request.columns or request.tables or filters.versions or filters.where:
        return None
    if window.axis != "event_time" or window.start is None or window.end is None:
        return None
    if window.start % _SECOND or window.end % _SECOND:
        return None
    job = {
        "app_id": request.app,
        "start_date": window.start // _SECOND,
        "end_date": window.end // _SECOND,
        "events": list(filters.events),
    }
    text = shlex.quote(msgspec.json.encode(job).decode())
    return f'curl -sS \\\n  -d {text} \\\n  "{asking.base}{BASE}/setjob?user_token={TOKEN}"'


SPOKEN = Spoken("devtodev", _curl)
