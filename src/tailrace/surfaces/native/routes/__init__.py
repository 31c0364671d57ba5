"""The operations of the native API, a module for each thing that they are about."""

from collections.abc import Sequence

from tailrace.surfaces.native.routes import (
    apps,
    audit,
    bulk,
    deliveries,
    destinations,
    events,
    exports,
    files,
    logins,
    me,
    setup,
    status,
    tokens,
    users,
)
from tailrace.web.operations import Operation

OPERATIONS: Sequence[Operation] = (
    *events.OPERATIONS,
    *exports.OPERATIONS,
    *status.OPERATIONS,
    *files.OPERATIONS,
    *deliveries.OPERATIONS,
    *destinations.OPERATIONS,
    *bulk.OPERATIONS,
    *me.OPERATIONS,
    *logins.OPERATIONS,
    *tokens.OPERATIONS,
    *users.OPERATIONS,
    *apps.OPERATIONS,
    *audit.OPERATIONS,
    *setup.OPERATIONS,
)
