"""Names of objects: each says under which lease it was written, so that fences tell if it can still be committed."""

import re
from typing import Literal

from msgspec import Struct

from tailrace.model.access import Scope
from tailrace.model.clock import day_name

Lessee = Literal["shard", "export"]

_NAME = re.compile(
    r"(?:segments/[^/]+/(?P<segment>all|[01]+)/(?P<segment_fence>\d{1,18})-"
    r"|ids/(?P<run>all|[01]+)/(?P<run_fence>\d{1,18})-"
    r"|exports/(?P<export>[^/]+)/(?P<export_fence>\d{1,18})/)."
)


class Writer(Struct, frozen=True):
    """The lease under which an object was written: a shard's, by its bucket, or that of an export's job, by its id."""

    lessee: Lessee
    name: str
    fence: int


def segment_name(scope: Scope, day: int, bucket: str, fence: int, unique: str) -> str:
    """The object of a new segment; `day` counts from 1970."""
    return f"{scope.prefix}/segments/{day_name(day)}/{bucket}/{fence}-{unique}.parquet"


def run_name(scope: Scope, bucket: str, fence: int, unique: str) -> str:
    """The object of a new run of dedupe keys."""
    return f"{scope.prefix}/ids/{bucket}/{fence}-{unique}"


def export_name(scope: Scope, export: str, fence: int, name: str) -> str:
    """An object of one attempt at an export: a part, or a file."""
    return f"{scope.prefix}/exports/{export}/{fence}/{name}"


def writer_of(scope: Scope, key: str) -> Writer | None:
    """Who wrote an object of an app; None for names that are not made here, such as those of older releases."""
    found = _NAME.match(key.removeprefix(f"{scope.prefix}/")) if key.startswith(f"{scope.prefix}/") else None
    if found is None:
        return None
    if export := found["export"]:
        return Writer("export", export, int(found["export_fence"]))
    return Writer("shard", found["segment"] or found["run"], int(found["segment_fence"] or found["run_fence"]))
