"""Which addresses are a server's own, whatever a sender says of itself."""

from collections.abc import Mapping
from typing import Any

import pytest

from heliograph.api.http.address import Addresses, parse_origins, parse_public_urls
from heliograph.protojson.errors import InvalidArgument

PUBLIC = ("https://amapi.example.com", "http://10.0.0.1:8080")
NOTHING: Mapping[str, str] = {}
PROXY = {"x-forwarded-proto": "https", "x-forwarded-host": "evil.example, amapi.lan"}


def scope(
    host: str, *, peer: str = "192.0.2.7", server: tuple[str, int] = ("192.0.2.1", 8_080), forwarded: Mapping[str, str] = NOTHING
) -> dict[str, Any]:
    """A request that arrived on `server`, with these headers."""
    sent = {"host": host, **forwarded}
    return {
        "type": "http", "scheme": "http", "client": (peer, 4_711), "server": server,
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in sent.items()],
    }  # fmt: skip


@pytest.mark.parametrize(
    "host, address",
    [
        ("amapi.example.com", "https://amapi.example.com"),
        ("AMAPI.example.com", "https://amapi.example.com"),
        ("10.0.0.1:8080", "http://10.0.0.1:8080"),
        ("192.0.2.1:8080", "http://192.0.2.1:8080"),
        ("localhost:9090", "http://localhost:9090"),
        ("phones.localhost:9090", "http://phones.localhost:9090"),
        ("[::1]:9090", "http://[::1]:9090"),
        ("evil.example", "https://amapi.example.com"),
        ("evil.example\\@amapi.example.com", "https://amapi.example.com"),
        ("amapi.example.com.evil.example", "https://amapi.example.com"),
        ("", "https://amapi.example.com"),
    ],
)
def test_clients_are_shown_the_address_that_they_used_if_it_is_this_servers(host: str, address: str) -> None:
    assert address == Addresses(public_urls=PUBLIC).of(scope(host))


@pytest.mark.parametrize(
    "host, public, address",
    [
        ("amapi.example.com", PUBLIC, "https://amapi.example.com"),
        ("10.0.0.1:8080", PUBLIC, "https://amapi.example.com"),
        ("localhost:8080", PUBLIC, "https://amapi.example.com"),
        ("localhost:8080", ("https://localhost:8443", *PUBLIC), "https://amapi.example.com"),
        ("localhost:8443", ("https://localhost:8443", *PUBLIC), "https://amapi.example.com"),
        ("localhost:8080", ("http://10.0.0.1:8080",), "http://localhost:8080"),
    ],
)
def test_phones_are_given_an_address_from_which_they_take_an_agent(host: str, public: tuple[str, ...], address: str) -> None:
    assert address == Addresses(public_urls=public).for_phones(scope(host))


def test_without_a_public_url_an_unknown_name_becomes_the_address_that_is_bound() -> None:
    addresses = Addresses()

    assert "http://192.0.2.1:8080" == addresses.of(scope("evil.example"))
    assert "http://[2001:db8::1]:8080" == addresses.of(scope("evil.example", server=("2001:db8::1", 8_080)))
    assert "http://localhost:8080" == addresses.of(scope("localhost:8080"))


def test_what_a_sender_says_of_itself_makes_no_address_this_servers_own() -> None:
    for addresses in (Addresses(), Addresses(public_urls=PUBLIC), Addresses(["10.0.0.0/8"])):
        said = addresses.own_urls(scope("evil.example", forwarded=PROXY))

        assert not [url for url in said if "evil" in url or "amapi.lan" in url]


def test_the_bound_and_the_loopback_addresses_are_own_with_either_scheme() -> None:
    names = ("192.0.2.1", "localhost", "127.0.0.1", "[::1]")

    assert {f"{scheme}://{name}:8080" for scheme in ("http", "https") for name in names} == Addresses().own_urls(scope("x"))
    on_80 = Addresses().own_urls(scope("x", server=("192.0.2.1", 80)))
    assert {"http://192.0.2.1", "http://192.0.2.1:80", "https://192.0.2.1:80"} <= on_80


def test_a_public_url_is_own_as_it_is_written() -> None:
    own = Addresses(public_urls=("HTTPS://Amapi.Example.com:443",)).own_urls(scope("x"))

    assert "https://amapi.example.com" in own
    assert "http://amapi.example.com" not in own


def test_a_trusted_proxys_word_counts_if_no_public_url_says_better() -> None:
    through = scope("backend:8080", peer="10.0.0.5", forwarded=PROXY)

    assert "https://amapi.lan" == Addresses(["10.0.0.0/8"]).of(through)
    assert {"https://amapi.lan", "http://amapi.lan"} <= Addresses(["10.0.0.0/8"]).own_urls(through)
    configured = Addresses(["10.0.0.0/8"], PUBLIC)
    assert "https://amapi.example.com" == configured.of(through)
    assert not [url for url in configured.own_urls(through) if "amapi.lan" in url]


@pytest.mark.parametrize(
    "text",
    ["", "amapi.example.com", "https://", "https://amapi.example.com/", "https://a/b", "ftp://a", "https://u@a", r"https://a\@b", "*"],
)
def test_what_is_no_address_of_a_server_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match=r"scheme, host and port only, as in https://amapi\.example\.com"):
        parse_public_urls([text])


@pytest.mark.parametrize(
    "text", ["", "console.example.com", "https://a.example/", "https://a.example/x", "null", "**", "https://*.example"]
)
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match=r"scheme, host and port only, as in https://console\.example\.com, or \*"):
        parse_origins([text])


def test_an_origin_is_kept_as_browsers_send_it() -> None:
    given = ["HTTPS://Console.example.com:443", "http://localhost:3000", "app://phones", "*"]

    assert ("https://console.example.com", "http://localhost:3000", "app://phones", "*") == parse_origins(given)
