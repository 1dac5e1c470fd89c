"""What a tenant's URL may lead to: public addresses by TLS, and what the operator allows."""

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.domain.push_addresses import Network, PushAddresses

PUBLIC = PushAddresses()
SPECIAL = (
    "0.0.0.0", "0.1.2.3", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1", "192.0.2.1",  # noqa: S104 - to be refused
    "192.168.1.1", "198.18.0.1", "203.0.113.9", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1", "100::1",
)  # fmt: skip
"""An address of each kind that is not for everyone."""


def wrapped(address: IPv4Address) -> list[str]:
    """IPv6 addresses that end up at this IPv4 address: mapped, compatible, NAT64, 6to4, Teredo (as its client)."""
    number = int(address)
    forms = (0xFFFF << 32 | number, number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80)
    teredo = 0x20010000 << 96 | int(IPv4Address("8.8.8.8")) << 64 | (number ^ 0xFFFFFFFF)
    return [str(IPv6Address(form)) for form in (*forms, teredo)]


@pytest.mark.parametrize("address", SPECIAL)
def test_an_address_that_is_not_public_is_not_pushed_to(address: str) -> None:
    assert not PUBLIC.allow(address, plain=False)


@pytest.mark.parametrize("address", [address for address in SPECIAL if ":" not in address])
def test_nor_is_an_ipv6_address_that_holds_one(address: str) -> None:
    assert not [form for form in wrapped(IPv4Address(address)) if PUBLIC.allow(form, plain=False)]


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_a_public_address_is_pushed_to_by_tls_only(address: str) -> None:
    assert (True, False) == (PUBLIC.allow(address, plain=False), PUBLIC.allow(address, plain=True))


@given(st.one_of(st.ip_addresses(v=4, network="127.0.0.0/8"), st.ip_addresses(v=4, network="10.0.0.0/8")))
def test_an_allowed_network_is_pushed_to_in_every_form_of_its_addresses_and_no_other_is(address: IPv4Address) -> None:
    inside = address in ip_network("127.0.0.0/8")
    loopback = PushAddresses((ip_network("127.0.0.0/8"),))

    for plain in (True, False):
        assert inside == loopback.allow(str(address), plain=plain)
        assert inside == loopback.allow(f"::ffff:{address}", plain=plain)


def test_a_wide_network_does_not_mean_the_addresses_where_clouds_keep_credentials() -> None:
    everything: tuple[Network, ...] = (ip_network("0.0.0.0/0"), ip_network("::/0"))
    named = PushAddresses((*everything, ip_network("169.254.169.0/24")))
    mapped, _compatible, *by_gateways = wrapped(IPv4Address("169.254.169.254"))  # nothing sends a compatible one on as IPv4 any more

    assert PushAddresses(everything).allow("10.0.0.1", plain=True)
    assert not PushAddresses(everything).allow("169.254.169.254", plain=True)
    assert not PushAddresses(everything).allow("fe80::1", plain=False)
    assert not [form for form in (mapped, *by_gateways) if PushAddresses(everything).allow(form, plain=False)]
    assert named.allow("169.254.169.254", plain=True)


@pytest.mark.parametrize("text", ["", "localhost", "0x7f.1", "2130706433", "017700000001", "127.1", "1.2.3.4.5"])
def test_what_is_not_an_ip_address_is_not_pushed_to(text: str) -> None:
    assert not PushAddresses((ip_network("0.0.0.0/0"),)).allow(text, plain=False)
