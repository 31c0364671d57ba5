"""The typed client of the native API, for programs and for the command line.

`Client` is for plain code, `AsyncClient` for asyncio. Both are two runners of the same steps: what is asked, when it is
asked again and what an answer means is written once. docs/client.md shows how they are used.
"""

from tailrace.client.clients import AsyncClient, Client
from tailrace.client.documents.exports import Export, ExportRequest, Filters, Manifest, Window
from tailrace.client.problems import ClientError, ConnectionLost, Mismatch, ProblemError, WaitTimeout
from tailrace.client.retrying import Retries

__all__ = [
    "AsyncClient",
    "Client",
    "ClientError",
    "ConnectionLost",
    "Export",
    "ExportRequest",
    "Filters",
    "Manifest",
    "Mismatch",
    "ProblemError",
    "Retries",
    "WaitTimeout",
    "Window",
]
