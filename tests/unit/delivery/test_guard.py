"""The guard: which addresses are of the public Internet."""

import pytest

from tailrace.delivery.guard import Guard, guard_of

REFUSED = (
    *("127.0.0.1", "127.9.9.9", "0.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
    *("100.64.0.1", "100.100.100.200", "192.0.0.192", "198.18.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1"),
    *("168.63.129.16", "::", "::1", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "fc00::1", "ff02::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:db8::1"),
    *("::7f00:1", "64:ff9b:1::1", "fec0::1", "2001::1"),
)
FINE = ("93.184.216.34", "1.1.1.1", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::101:101", "::ffff:1.1.1.1")


@pytest.mark.parametrize("address", REFUSED)
def test_what_only_this_machine_or_its_network_reaches_is_refused(address: str) -> None:
    """Private, loopback, link-local, shared, metadata, multicast; in any spelling that stands for one of them."""
    assert not Guard().allows(address)


@pytest.mark.parametrize("address", FINE)
def test_the_public_internet_is_fine(address: str) -> None:
    """Also where an address of IPv6 stands for one of IPv4."""
    assert Guard().allows(address)


def test_the_operator_can_allow_networks() -> None:
    """Just these; an address of IPv6 that stands for one in them is in them."""
    guard = guard_of(" 10.1.0.0/16, fd00::/8 ")
    assert all(guard.allows(address) for address in ("10.1.2.3", "::ffff:10.1.2.3", "fd00::1"))
    assert not any(guard.allows(address) for address in ("10.2.0.1", "127.0.0.1", "fe80::1"))
