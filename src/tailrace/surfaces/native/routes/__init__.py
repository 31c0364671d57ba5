"""The operations of the native API, a module for each thing that they are about."""

from collections.abc import Sequence

from tailrace.surfaces.native.routes import bulk, events, exports, files, status, tokens
from tailrace.web.operations import Operation

OPERATIONS: Sequence[Operation] = (
    *events.OPERATIONS,
    *exports.OPERATIONS,
    *status.OPERATIONS,
    *files.OPERATIONS,
    *bulk.OPERATIONS,
    *tokens.OPERATIONS,
)
