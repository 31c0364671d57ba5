"""From what somebody names to where it is."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from tailrace.client.pull.http import HttpSource
from tailrace.client.pull.listing import MANIFEST
from tailrace.client.pull.sources import FolderSource, Source
from tailrace.client.runners import SyncRunner
from tailrace.model.errors import Invalid

_EXPORT = re.compile(r"exp_[0-9a-z]+")


def is_export_id(what: str) -> bool:
    """Whether something can only be an export on a server."""
    return _EXPORT.fullmatch(what) is not None


def source_of(what: str, runner: SyncRunner | None) -> Source:
    """An export by id, a manifest by URL, or one by its path or that of its directory.

    Raises:
        Invalid: it is none of these, or needs a server and there is none.
    """
    scheme = urlsplit(what).scheme if "://" in what else ""
    if scheme in ("http", "https") or is_export_id(what):
        if runner is None:
            raise Invalid(what, "needs a server")
        return HttpSource(runner, url=what) if scheme else HttpSource(runner, export=what)
    if scheme:
        raise Invalid(what, "should be an export's id, or a manifest's URL or path")
    path = Path(what)
    return FolderSource(path / MANIFEST if path.is_dir() else path)
