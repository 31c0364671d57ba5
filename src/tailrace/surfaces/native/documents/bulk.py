"""What generic bulk clients send and get; the names are those of the FHIR Bulk Data Access guide."""

from typing import Literal

import msgspec

from tailrace.surfaces.native.documents.base import Count, Instant, Strict

OutputFormat = Literal["application/fhir+ndjson", "application/ndjson", "ndjson"]


class BulkQuery(Strict, rename={"types": "_type", "since": "_since", "format": "_outputFormat"}):
    """What to export: events of an app by name (separated by commas), that became available since an instant."""

    app: str
    types: list[str] = msgspec.field(default_factory=list)
    since: Instant | None = None
    format: OutputFormat = "application/fhir+ndjson"


class BulkFileDocument(Strict):
    """A file: the event that its rows are of, where to download it, how many rows."""

    type: str
    url: str
    count: Count


class BulkDocument(Strict, rename={"transaction_time": "transactionTime", "requires_token": "requiresAccessToken"}):
    """The files of an export that has succeeded. `transactionTime` is the ``_since`` of the next one."""

    transaction_time: Instant
    request: str
    requires_token: bool
    output: list[BulkFileDocument]
    error: list[BulkFileDocument]
