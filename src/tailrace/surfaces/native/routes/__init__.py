"""The operations of the native API, a module for each thing that they are about."""

from collections.abc import Sequence

from tailrace.surfaces.native.routes import events, exports, files, tokens
from tailrace.web.operations import Operation

OPERATIONS: Sequence[Operation] = (
    *events.OPERATIONS,
    *exports.OPERATIONS,
    *files.OPERATIONS,
    *tokens.OPERATIONS,
)
