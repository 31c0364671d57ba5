"""The table of dialects, a line each: all that names them outside of their own rooms."""

from collections.abc import Sequence

from tailrace.surfaces.flurry.reporting import REPORTING
from tailrace.surfaces.native import NATIVE
from tailrace.web.surface import Surface

DIALECTS: Sequence[Surface] = (
    NATIVE,
    REPORTING,
)
