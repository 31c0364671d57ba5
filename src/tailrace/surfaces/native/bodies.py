"""What webhooks of the native API say: the end of an export, and the export as its status shows it."""

import msgspec

from tailrace.delivery.bodies import Bodies, Occasion
from tailrace.exports.records import load_export
from tailrace.model.clock import iso
from tailrace.surfaces.native.render import export_document


def native_body(occasion: Occasion) -> bytes:
    """Type, timestamp and data, as the Standard Webhooks specification advises."""
    export = load_export(occasion.database, occasion.scope.space, occasion.scope.app, occasion.export)
    kind = "export.failed" if export.state == "failed" else "export.succeeded"  # its files may have expired since
    ended = iso(export.finished_at or export.created_at)
    return msgspec.json.encode({"type": kind, "timestamp": ended, "data": export_document(export)})


BODIES: Bodies = {"native": native_body}
