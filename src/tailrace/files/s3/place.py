"""Where objects lie on S3, as the settings and the standard AWS environment say."""

import os
import re
from urllib.parse import urlsplit

from msgspec import Struct

from tailrace.config import S3Settings
from tailrace.model.errors import Invalid

_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,253}[a-z0-9]", re.IGNORECASE)
_REGION = "us-east-1"  # what servers that know no regions are content with


class Place(Struct, frozen=True):
    """A folder of a bucket, and how to speak to its server. It holds no secret."""

    bucket: str
    prefix: str
    endpoint: str
    region: str
    path_style: bool
    checksums: bool
    retries: int

    def key(self, key: str) -> str:
        """The key of an object within the bucket. Raises ValueError for what is none."""
        if not all(part not in ("", ".", "..") for part in key.split("/")):
            raise ValueError(f"not an object key: {key!r}")
        return f"{self.prefix}/{key}" if self.prefix else key

    def folder(self, prefix: str) -> str:
        """A folder of keys within the bucket, with its slash; "" is all. Raises ValueError for what is none."""
        whole = self.key(prefix) if prefix else self.prefix
        return f"{whole}/" if whole else ""

    def ours(self, whole: str) -> str:
        """The other way round: our key of a key of the bucket."""
        return whole.removeprefix(f"{self.prefix}/") if self.prefix else whole

    @property
    def base(self) -> str:
        """The URL of the server for clients that put the bucket's name in front by themselves only on AWS."""
        if not self.endpoint or self.path_style:
            return self.endpoint
        scheme, _, host = self.endpoint.partition("://")
        return f"{scheme}://{self.bucket}.{host}"


def place_of(url: str, settings: S3Settings) -> Place:
    """The place that the setting `files` names.

    Raises:
        Invalid: it names none.
    """
    parts = urlsplit(url)
    prefix = parts.path.strip("/")
    if parts.scheme != "s3" or not _BUCKET.fullmatch(parts.netloc) or parts.query or parts.fragment:
        raise Invalid("files", "should be empty or s3://bucket/prefix")
    if prefix and any(part in ("", ".", "..") for part in prefix.split("/")):
        raise Invalid("files", "its prefix has an empty part, or one of dots")
    endpoint = _endpoint(settings)
    path_style = bool(endpoint) if settings.path_style is None else settings.path_style
    region = settings.region or _environment("AWS_REGION", "AWS_DEFAULT_REGION") or _REGION
    return Place(parts.netloc, prefix, endpoint, region, path_style, settings.checksums, settings.retries)


def _endpoint(settings: S3Settings) -> str:
    endpoint = settings.endpoint or _environment("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
    parts = urlsplit(endpoint)
    if endpoint and (parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/")):
        raise Invalid("s3.endpoint", "should be a URL such as https://s3.example.com")
    if parts.username is not None:
        raise Invalid("s3.endpoint", "credentials belong in the AWS environment, not in a URL")
    return endpoint.rstrip("/")


def _environment(*names: str) -> str:
    return next((value for name in names if (value := os.environ.get(name))), "")
