"""The guard: tenants name hosts, and must not reach through this server what only it can reach.

A name is resolved once for each connection, every address that it has is judged, and one of these very addresses is
connected to: a name that means something else a moment later gains nothing.
"""

import socket
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from msgspec import Struct

from tailrace.delivery.ends import GivenUp
from tailrace.model.errors import Unavailable

Address = IPv4Address | IPv6Address

_NAT64 = IPv6Network("64:ff9b::/96")
# Not of the public Internet, though not every release of Python says so: protocol assignments, what is local to
# translators, old forms of IPv4 in IPv6, sites; and the address at which one cloud tells its machines about themselves.
_NEVER = tuple(
    ip_network(text)
    for text in ("192.0.0.0/24", "168.63.129.16/32", "64:ff9b:1::/48", "::/96", "2001::/23", "3fff::/20", "fec0::/10")
)
_AWAY_S = 5


class Guard(Struct, frozen=True):
    """Judges addresses: those of the public Internet are fine, and those in `networks`, such as ``10.1.0.0/16``."""

    networks: Sequence[str] = ()

    def addresses(self, host: str, port: int) -> list[str]:
        """All addresses of a host, each of which may be connected to.

        Raises:
            GivenUp: one may not.
            Unavailable: the name means nothing now.
        """
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise Unavailable("the name of the host cannot be resolved", _AWAY_S) from None
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if not all(self.allows(address) for address in addresses):
            raise GivenUp("the host has an address that is not of the public Internet; see delivery.allow_networks")
        return addresses

    def allows(self, text: str) -> bool:
        """Whether an address may be connected to."""
        address = _inner(ip_address(text.partition("%")[0]))
        if any(address in ip_network(network) for network in self.networks):
            return True
        return address.is_global and not address.is_multicast and not any(address in network for network in _NEVER)

    def connect(self, host: str, port: int, timeout_s: float | None) -> socket.socket:
        """A connection to a host. Raises as `addresses`, and OSError if no address answers."""
        addresses = self.addresses(host, port)
        return _first(addresses, port, timeout_s)


def guard_of(networks: str) -> Guard:
    """The guard by the setting `delivery.allow_networks`."""
    return Guard(tuple(network for network in map(str.strip, networks.split(",")) if network))


def _first(addresses: Iterable[str], port: int, timeout_s: float | None) -> socket.socket:
    failed = OSError("no address")
    for address in addresses:
        try:
            return socket.create_connection((address, port), timeout_s)
        except OSError as error:
            failed = error
    raise failed


def _inner(address: Address) -> Address:
    """The address that one of IPv6 stands for, where it stands for one of IPv4."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
