"""Which internet addresses a server may call on behalf of strangers.
Rule: only addresses of the public internet; whatever hides another address inside is judged by that one."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

#: IPv6 networks whose addresses carry an IPv4 address, and where in the 128 bits it begins.
_CARRIERS: Final = (
    (ip_network("::ffff:0:0/96"), 96),
    (ip_network("64:ff9b::/96"), 96),
    (ip_network("2002::/16"), 16),
    (ip_network("::/96"), 96),
)
_TEREDO: Final = ip_network("2001::/32")
#: What is closed whatever the standard library's `is_global` says, which has changed its mind between versions.
_CLOSED: Final = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4", "::/128", "::1/128", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32",
        "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
    )
)  # fmt: skip
#: Never called, even where the operator allows private ranges: what a cloud tells its machines, and everybody at once.
_NEVER: Final = tuple(
    ip_network(network)
    for network in ("0.0.0.0/8", "100.100.100.200/32", "168.63.129.16/32", "169.254.0.0/16", "192.0.0.192/32",
                    "224.0.0.0/4", "240.0.0.0/4", "::/128", "fd00:ec2::/32", "fe80::/10", "fec0::/10", "ff00::/8")
)  # fmt: skip


def may_call(text: str, *, private: bool) -> bool:
    """Tell whether an address may be called; with `private` also loopback and private ranges may."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    inner = _inner(address)
    if any(inner in network for network in _NEVER):
        return False
    return private or (inner.is_global and not any(inner in network for network in _CLOSED))


def _inner(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Give the IPv4 address an IPv6 one stands for, else the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address in _TEREDO:
        return IPv4Address(~int(address) & 0xFFFFFFFF)
    if int(address) <= 1:
        return address
    for network, begins in _CARRIERS:
        if address in network:
            return IPv4Address(int(address) >> (128 - begins - 32) & 0xFFFFFFFF)
    return address
