"""A server that keeps the contract, and clients of both kinds for it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any

import pytest

from tailrace.client import AsyncClient, Client, Retries
from tests.contract_server import TOKEN, ContractServer, contract_server

QUICK = Retries(first_s=0.001, longest_s=0.002)


@pytest.fixture
def server() -> Iterator[ContractServer]:
    """A server without a fault."""
    with contract_server() as started:
        yield started


@pytest.fixture
def client(server: ContractServer) -> Iterator[Client]:
    """A client that waits for little."""
    with Client(server.url, TOKEN, retries=QUICK) as made:
        yield made


Do = Callable[[str, str], Callable[..., Any]]


@pytest.fixture(params=["sync", "async"])
def do(request: pytest.FixtureRequest, server: ContractServer) -> Do:
    """Calls a method of a group on a client of either kind: both are to do the same."""

    def method(group: str, name: str) -> Callable[..., Any]:
        def call(*arguments: Any, retries: Retries = QUICK, **more: Any) -> Any:
            if request.param == "sync":
                with Client(server.url, TOKEN, write_key="wk", retries=retries) as client:
                    found = getattr(getattr(client, group), name)(*arguments, **more)
                    return list(found) if isinstance(found, Iterator) else found
            return asyncio.run(awaited(retries, group, name, arguments, more))

        return call

    async def awaited(retries: Retries, group: str, name: str, arguments: Any, more: Any) -> Any:
        async with AsyncClient(server.url, TOKEN, write_key="wk", retries=retries) as client:
            found: AsyncIterator[Any] | Coroutine[Any, Any, Any]
            found = getattr(getattr(client, group), name)(*arguments, **more)
            return [item async for item in found] if isinstance(found, AsyncIterator) else await found

    return method
