"""Every page, in the order in which their paths are tried."""

from collections.abc import Sequence

from tailrace.portal import (
    account,
    apps,
    audit,
    deliveries,
    destinations,
    downloads,
    events,
    explore,
    health,
    home,
    job,
    letters,
    limits,
    login,
    new_request,
    people,
    settings,
    setup,
    static,
    users,
)
from tailrace.web.operations import Operation

_PAGES = (
    *(setup, static, login, home),
    *(new_request, downloads, job, deliveries, destinations),
    *(explore, letters),
    *(people, events),
    *(apps, users, account, limits, audit, health, settings),
)

OPERATIONS: Sequence[Operation] = tuple(operation for page in _PAGES for operation in page.OPERATIONS)
