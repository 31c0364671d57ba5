"""A client whose connections are made by somebody else, who may refuse them.

botocore has no setting for it. It keeps its connections in pools of urllib3, whose classes are exchanged here.
"""

import socket
from typing import Any

from botocore.awsrequest import AWSHTTPConnection, AWSHTTPConnectionPool, AWSHTTPSConnection, AWSHTTPSConnectionPool
from urllib3.exceptions import NewConnectionError

from tailrace.files.s3.clients import Connect


def connect_by(client: Any, connect: Connect) -> None:
    """Let a client of botocore connect by a function, from now on. Raises LookupError if it cannot be told to."""

    class Plain(AWSHTTPConnection):  # type: ignore[misc]
        def _new_conn(self) -> socket.socket:
            return _connected(self, connect)

    class Tls(AWSHTTPSConnection):  # type: ignore[misc]
        def _new_conn(self) -> socket.socket:
            return _connected(self, connect)

    class PlainPool(AWSHTTPConnectionPool):  # type: ignore[misc]
        ConnectionCls = Plain

    class TlsPool(AWSHTTPSConnectionPool):  # type: ignore[misc]
        ConnectionCls = Tls

    manager: Any = getattr(client._endpoint.http_session, "_manager", None)
    if not hasattr(manager, "pool_classes_by_scheme"):  # rather no copy than one by whatever way
        raise LookupError("this release of botocore keeps its connections elsewhere")
    manager.pool_classes_by_scheme = {"http": PlainPool, "https": TlsPool}


def _connected(connection: Any, connect: Connect) -> socket.socket:
    seconds = connection.timeout if isinstance(connection.timeout, (int, float)) else None
    try:
        return connect(connection.host, connection.port, seconds)
    except Exception as error:
        kind = type(error).__name__
    raise NewConnectionError(connection, kind)
