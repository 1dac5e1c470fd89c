"""Which web addresses are taken, and that what is shown of them is where a browser goes."""

import pytest

from heliograph.domain.sign_up import callback_host
from heliograph.domain.web_address import WebAddress, read_web_address


@pytest.mark.parametrize(
    "text, address",
    [
        ("https://emm.example.com/signed-up?a=b#c", WebAddress("https", "emm.example.com", 0, "/signed-up?a=b#c")),
        ("HTTPS://EMM.example.com:443", WebAddress("https", "emm.example.com", 0, "")),
        ("http://my_host:8080?x", WebAddress("http", "my_host", 8_080, "?x")),
        ("http://127.0.0.1:80/", WebAddress("http", "127.0.0.1", 0, "/")),
        ("https://[2001:DB8::1]:8443/", WebAddress("https", "[2001:db8::1]", 8_443, "/")),
        ("https://ok.example/a@b", WebAddress("https", "ok.example", 0, "/a@b")),
        ("https://xn--bcher-kva.example/", WebAddress("https", "xn--bcher-kva.example", 0, "/")),
    ],
)
def test_an_address_is_read_as_a_browser_reads_it(text: str, address: WebAddress) -> None:
    assert address == read_web_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://ok.example\\@evil.example/",  # a browser goes to ok.example, Python's urlsplit says evil.example
        "https://ok.example\\.evil.example/",
        "https://ok.example/\\evil.example",
        "https://ok.example@evil.example/",
        "https://ok.example:443@evil.example/",
        'https://a"b.example/',
        "https://<b>.example/",
        "https://ok.example%2eevil.example/",
        "https://ok.example\t.evil.example/",
        "https://ok.example/ ",
        "https://ok.example/\n",
        " https://ok.example/",
        "https://bücher.example/",
        "https://2130706433/",  # a browser goes to 127.0.0.1
        "https://0x7f.1/",
        "https://127.1/",
        "https://0177.0.0.1/",
        "https://1.2.3.256/",
        "https://[::1/",
        "https://[1.2.3.4]/",
        "https://[fe80::1%25eth0]/",
        "https://a..b/",
        "https://-a.example/",
        f"https://{'a' * 64}.example/",
        "https://h:0/",
        "https://h:65536/",
        "https://h:/",
        "https:///h/",
        "https:h",
        "//h/",
        "h",
        "",
    ],
)
def test_an_address_in_which_two_readers_may_find_two_hosts_is_not_taken(text: str) -> None:
    assert read_web_address(text) is None
    assert callback_host(text) is None


def test_a_callback_is_of_the_web_and_no_longer_than_a_browser_takes() -> None:
    long = f"https://ok.example:8443/{'a' * 1_976}"

    assert "ok.example:8443" == callback_host(long)
    assert [None] * 3 == list(map(callback_host, [long + "a", "ftp://ok.example/", "javascript://ok.example/%0aalert(1)"]))
