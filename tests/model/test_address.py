"""Which addresses may be called: the public internet, and whatever hides another address is judged by that one."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerdesk.model.address import may_call

PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.215.14", "2606:4700:4700::1111", "2a00:1450:4001:81b::200e"]
PRIVATE = [
    "10.0.0.1", "10.255.255.255", "100.64.0.1", "127.0.0.1", "127.255.255.254", "172.16.0.1", "172.31.255.255",
    "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "::1", "fc00::1", "fd12:3456::1",
    "2001:db8::1", "3fff::1", "64:ff9b:1::7f00:1", "100::1", "5f00::1", "2001:10::1", "2001:20::1",
]  # fmt: skip
NEVER = [
    "0.0.0.0", "0.1.2.3", "100.100.100.200", "168.63.129.16", "169.254.0.1", "169.254.169.254", "192.0.0.192",
    "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "fe80::1", "fe80::1%eth0", "febf::1",
    "fec0::1", "fd00:ec2::254", "ff02::1", "no address", "", "127.1", "0177.0.0.1", "2130706433",
]  # fmt: skip


def carriers(inner: str) -> list[str]:
    number = int(IPv4Address(inner))
    shifts = ((0xFFFF << 32, 0), (0x64FF9B << 96, 0), (0x2002 << 112, 80), (0, 0))
    hidden = [str(IPv6Address(prefix | number << shift)) for prefix, shift in shifts]
    return [*hidden, str(IPv6Address(0x20010000 << 96 | number ^ 0xFFFFFFFF))]


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_called(address):
    assert may_call(address, private=False)
    assert may_call(address, private=True)


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_only_where_the_operator_allows_it(address):
    assert not may_call(address, private=False)
    assert may_call(address, private=True)


@pytest.mark.parametrize("address", NEVER)
def test_some_are_never_called(address):
    assert not may_call(address, private=False)
    assert not may_call(address, private=True)


@pytest.mark.parametrize(
    "inner", [address for address in (*PRIVATE, *NEVER) if address.count(".") == 3 and address[0] != "0"]
)
def test_an_address_inside_another_is_judged_by_itself(inner):
    for carrier in carriers(inner):
        assert not may_call(carrier, private=False), carrier
        assert may_call(carrier, private=True) is may_call(inner, private=True), carrier


@given(st.ip_addresses(v=4))
def test_no_carrier_opens_what_the_plain_address_does_not(address):
    for carrier in carriers(str(address)):
        assert not may_call(carrier, private=False) or may_call(str(address), private=False)
