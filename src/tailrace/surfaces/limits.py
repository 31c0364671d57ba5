"""The limits that surfaces bring, a line for each. Nothing of HTTP is loaded: the command line reads limits too."""

from collections.abc import Sequence

from tailrace.model.policy import Limit
from tailrace.surfaces.flurry.policy import LIMITS as FLURRY

SURFACE_LIMITS: Sequence[Limit] = (*FLURRY,)
