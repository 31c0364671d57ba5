"""The operations of the native API, a module for each thing that they are about."""

from collections.abc import Sequence

from tailrace.surfaces.native.routes import (
    apps,
    audit,
    bulk,
    events,
    exports,
    files,
    logins,
    me,
    profiles,
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
    *bulk.OPERATIONS,
    *me.OPERATIONS,
    *logins.OPERATIONS,
    *tokens.OPERATIONS,
    *users.OPERATIONS,
    *apps.OPERATIONS,
    *profiles.OPERATIONS,
    *audit.OPERATIONS,
    *setup.OPERATIONS,
)
