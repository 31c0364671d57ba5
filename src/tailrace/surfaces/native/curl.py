"""How the native API is asked for what an export asked for."""

from tailrace.exports.manifests import request_document
from tailrace.web.curls import Asking, Spoken, post


def _curl(asking: Asking) -> str | None:
    if asking.request.row_shape is not None:  # rows of another dialect
        return None
    return post(f"{asking.base}/v1/exports", request_document(asking.request))


SPOKEN = Spoken("Native API", _curl)
