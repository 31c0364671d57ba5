"""The ways in which SDKs and files send events: one module per protocol, each in the words of its senders.

A further protocol is one more module and one more line here; the conformance suite finds it in the table.
"""

from collections.abc import Mapping

from tailrace.ingest.protocols.base import IngestProtocol
from tailrace.ingest.protocols.countly import COUNTLY
from tailrace.ingest.protocols.segment import SEGMENT

PROTOCOLS: Mapping[str, IngestProtocol] = {protocol.name: protocol for protocol in (COUNTLY, SEGMENT)}
