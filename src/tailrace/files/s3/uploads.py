"""Uploads in parts: an object that shows when all its parts are there, or never. Errors are the client's own."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from tailrace.files.s3.clients import Clients
from tailrace.files.s3.place import Place

# A part is this large until an object is too long for 10 000 such parts; from then on parts grow with it.
FIRST_PART = 16 << 20
_GROWTH = 1500


def part_size(written: int) -> int:
    """How large the next part should be once so many bytes were handed on.

    Parts of 16 MiB up to 23 GiB, which also suits servers that want all parts alike; then 1/1500 of what went before,
    so that S3's largest object, 5 TiB, has 9 600 parts of the 10 000 that it may have.
    """
    return max(FIRST_PART, written // _GROWTH)


class Upload(NamedTuple):
    """One upload that has begun; `key` is one of the bucket."""

    key: str
    handle: str


class Uploads:
    """What S3 does with uploads."""

    def __init__(self, place: Place, clients: Clients, more: Mapping[str, Any] = MappingProxyType({})) -> None:
        """`more` is what S3 is to know of new objects beside their keys."""
        self._bucket = place.bucket
        self._more = more
        self._api = clients.api
        self._checksums = {"ChecksumAlgorithm": "SHA256"} if place.checksums else {}

    def begin(self, key: str) -> Upload:
        """Begin an upload."""
        answer = self._api.create_multipart_upload(Bucket=self._bucket, Key=key, **self._checksums, **self._more)
        return Upload(key, answer["UploadId"])

    def send(self, upload: Upload, number: int, data: bytearray) -> dict[str, Any]:
        """Send part `number`, from 1; what `complete` wants to know of it. Sending it again replaces it."""
        answer = self._api.upload_part(**self._named(upload), PartNumber=number, Body=data, **self._checksums)
        kept = {name: answer[name] for name in ("ETag", "ChecksumSHA256") if name in answer}
        return {"PartNumber": number, **kept}

    def complete(self, upload: Upload, parts: list[dict[str, Any]]) -> None:
        """Make the object of its parts."""
        self._api.complete_multipart_upload(**self._named(upload), MultipartUpload={"Parts": parts})

    def abort(self, upload: Upload) -> None:
        """Let go of an upload and its parts."""
        self._api.abort_multipart_upload(**self._named(upload))

    def pages(self, prefix: str) -> Iterator[list[tuple[Upload, datetime]]]:
        """Uploads for keys with a prefix, and when they began."""
        paginator = self._api.get_paginator("list_multipart_uploads")
        for page in paginator.paginate(Bucket=self._bucket, Prefix=prefix):
            yield [(Upload(found["Key"], found["UploadId"]), found["Initiated"]) for found in page.get("Uploads", ())]

    def _named(self, upload: Upload) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": upload.key, "UploadId": upload.handle}
