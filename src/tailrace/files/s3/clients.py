"""The two clients of a place, made when they are first needed.

obstore does what takes one request; botocore does what obstore has no words for: uploads whose parts grow, listing
and aborting them, and every way to come by credentials. Both are given the same credentials.
"""

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any

from botocore.exceptions import NoCredentialsError
from obstore.store import S3Store

from tailrace.files.s3.place import Place

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Credential

_CONNECT_S = 5
_SILENCE_S = 60
_REREAD = timedelta(minutes=5)  # how long credentials without an end are believed in


Connect = Callable[[str, int, float | None], socket.socket]  # host, port, seconds -> a connection, or OSError


@dataclass(frozen=True, slots=True)
class Keys:
    """Credentials of whoever owns a bucket."""

    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)


class Clients:
    """The clients of one place. Throw it away to have credentials read anew.

    With `keys` the one of every request goes by these alone, and nothing of the place comes from the environment; with
    `connect` it connects by that, and by no proxy.
    """

    def __init__(self, place: Place, keys: Keys | None = None, connect: Connect | None = None) -> None:
        self._place = place
        self._keys = keys
        self._connect = connect
        self._lock = Lock()  # botocore's session is not safe in many threads; its clients are

    @cached_property
    def store(self) -> S3Store:
        """Whole requests."""
        place = self._place
        options: dict[str, Any] = {"checksum_algorithm": "SHA256"} if place.checksums else {}
        if place.endpoint:  # under this name; any other is overruled by AWS_ENDPOINT_URL_S3
            options["aws_endpoint_url_s3"] = place.base
        return S3Store(
            place.bucket,
            region=place.region,
            virtual_hosted_style_request=not place.path_style,
            unsigned_payload=False,
            skip_signature=False,
            disable_bulk_delete=True,  # one at a time is understood by every server
            client_options=_client_options(place),
            retry_config=_retries(place),
            credential_provider=self._credentials,
            **options,
        )

    @property
    def api(self) -> Any:
        """Every request that S3 knows."""
        with self._lock:
            return self._api

    @cached_property
    def _api(self) -> Any:
        from botocore.config import Config  # 25 MiB that most processes never need

        place = self._place
        config = Config(
            signature_version="s3v4",  # of links, too: for them an older one is its default
            connect_timeout=_CONNECT_S,
            read_timeout=_SILENCE_S,
            retries={"mode": "standard", "total_max_attempts": place.retries + 1},
            # Every server that looks at signatures checks the digest that a signature covers.
            s3={"addressing_style": "path" if place.path_style else "virtual", "payload_signing_enabled": True},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            ignore_configured_endpoint_urls=self._keys is not None,
            proxies=None if self._connect is None else {},
        )
        endpoint = place.endpoint or None
        client = self._session.create_client(
            "s3", region_name=place.region, endpoint_url=endpoint, config=config, **self._signing()
        )
        if self._connect is not None:
            from tailrace.files.s3.connecting import connect_by

            connect_by(client, self._connect)
        return client

    def _signing(self) -> dict[str, str]:
        keys = self._keys
        if keys is None:
            return {}
        token = {"aws_session_token": keys.session_token} if keys.session_token else {}
        return {"aws_access_key_id": keys.access_key_id, "aws_secret_access_key": keys.secret_access_key, **token}

    @cached_property
    def _session(self) -> Any:
        import botocore.session

        return botocore.session.Session()

    def _credentials(self) -> "S3Credential":
        """What the standard AWS chain finds; its first link, the environment, needs no library."""
        until = datetime.now(UTC) + _REREAD
        if key := os.environ.get("AWS_ACCESS_KEY_ID"):
            secret, token = os.environ.get("AWS_SECRET_ACCESS_KEY", ""), os.environ.get("AWS_SESSION_TOKEN")
        else:
            key, secret, token = self._found()
        return {"access_key_id": key, "secret_access_key": secret, "token": token, "expires_at": until}

    def _found(self) -> tuple[str, str, str | None]:
        with self._lock:
            credentials = self._session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        frozen = credentials.get_frozen_credentials()
        return frozen.access_key, frozen.secret_key, frozen.token


def _client_options(place: Place) -> "ClientConfig":
    return {
        "allow_http": place.endpoint.startswith("http://"),
        "connect_timeout": timedelta(seconds=_CONNECT_S),
        "timeout": timedelta(seconds=_SILENCE_S),
    }


def _retries(place: Place) -> "RetryConfig":
    backoff = {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=10), "base": 2}
    return {"max_retries": place.retries, "retry_timeout": timedelta(minutes=3), "backoff": backoff}  # type: ignore[typeddict-item]
