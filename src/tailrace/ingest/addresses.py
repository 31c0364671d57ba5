"""Addresses of senders, as policy lets them be kept."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Literal

Keeping = Literal["truncated", "full", "none"]
_PREFIX = {4: 24, 6: 48}  # a home, an office or more; never one machine


@lru_cache(maxsize=4096)
def kept(text: str, keeping: Keeping) -> str | None:
    """An IP address as it may be kept: as it came, the beginning of it, or None.

    What is no address cannot be truncated, so it is kept in full or not at all.
    """
    if keeping == "full":
        return text
    address = None if keeping == "none" else address_of(text)
    if address is None:
        return None
    return str(ip_network((address, _PREFIX[address.version]), strict=False).network_address)


def address_of(text: str) -> IPv4Address | IPv6Address | None:
    """The address that a text says; an IPv4 address in IPv6 clothes is IPv4. None if it is none."""
    try:
        address = ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
