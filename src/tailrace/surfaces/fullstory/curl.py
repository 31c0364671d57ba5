"""How this dialect is asked for what an export asked for."""

import shlex

from tailrace.model.clock import SECOND
from tailrace.surfaces.fullstory.routes import LIST
from tailrace.web.curls import TOKEN, Asking, Spoken


def _curl(asking: Asking) -> str | None:
    """All events of an app since some second, by their own time: it is the list of the bundles that hold them, since
    nothing else can be asked for. Each bundle is then fetched by its number; the last one of a period is the first that
    ends with it or later.
    """
    request, window = asking.request, asking.request.window
    if request.format != "json" or request.shape != "events" or request.columns or not request.filters.empty:
        return None
    if window.axis != "event_time" or request.available is not None or window.start is None or window.start % SECOND:
        return None
    url = shlex.quote(f"{asking.base}{LIST}?start={window.start // SECOND}")
    return f'curl -sS \\\n  -H "Authorization: Basic {TOKEN}" \\\n  {url}'


SPOKEN = Spoken("FullStory", _curl)
