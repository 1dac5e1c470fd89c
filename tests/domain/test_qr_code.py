"""The QR code of an enrolment token: what a factory-fresh phone needs, or what the server lacks for that."""

import json

import msgspec
import pytest

from heliograph.domain.enrollment import Wifi, missing_for_setup, qr_code
from heliograph.protojson.errors import InvalidArgument
from tests.agents import AGENT

PUBLIC = "https://mdm.example.com"
EXTRAS = {"server_url": PUBLIC, "enrollment_token": "TOKEN"}
WHOLE = {
    "android.app.extra.PROVISIONING_DEVICE_ADMIN_COMPONENT_NAME": "org.heliograph.agent/.AdminReceiver",
    "android.app.extra.PROVISIONING_DEVICE_ADMIN_SIGNATURE_CHECKSUM": AGENT.signature_checksum,
    "android.app.extra.PROVISIONING_DEVICE_ADMIN_PACKAGE_DOWNLOAD_LOCATION": f"{PUBLIC}/agent.apk",
    "android.app.extra.PROVISIONING_ADMIN_EXTRAS_BUNDLE": EXTRAS,
}


def test_a_phone_learns_what_to_install_from_where_and_with_which_server_to_enrol() -> None:
    code = qr_code("TOKEN", PUBLIC, AGENT)

    assert WHOLE == json.loads(code)
    assert "" == missing_for_setup(code)


def test_the_checksum_is_url_safe_and_without_padding() -> None:
    agent = msgspec.structs.replace(AGENT, signer_sha256=b"\xfb\xff" * 16)

    assert "-__7__v_-__7__v_-__7__v_-__7__v_-__7__v_-_8" == agent.signature_checksum


@pytest.mark.parametrize(
    "receiver, shown",
    [
        (".AdminReceiver", "org.heliograph.agent/.AdminReceiver"),
        ("org.heliograph.agent.admin.Receiver", "org.heliograph.agent/.admin.Receiver"),
        ("org.heliograph.agents.Receiver", "org.heliograph.agent/org.heliograph.agents.Receiver"),
    ],
)
def test_the_receiver_is_named_as_android_reads_it(receiver: str, shown: str) -> None:
    assert shown == msgspec.structs.replace(AGENT, admin_receiver=receiver).admin_component


@pytest.mark.parametrize(
    "url, has_agent, sentences",
    [
        (PUBLIC, False, ["no agent"]),
        ("http://mdm.example.com", True, ["https only"]),
        ("https://localhost:8443", True, ["https only"]),
        ("http://127.0.0.1:8080", False, ["no agent", "https only"]),
        ("", True, ["https only"]),
    ],
)
def test_a_code_that_a_fresh_phone_cannot_use_says_what_is_missing(url: str, has_agent: bool, sentences: list[str]) -> None:  # noqa: FBT001
    code = qr_code("TOKEN", url, AGENT if has_agent else None)

    extras = json.loads(code)["android.app.extra.PROVISIONING_ADMIN_EXTRAS_BUNDLE"]
    assert {"server_url": url, "enrollment_token": "TOKEN"} == extras
    assert 2 == len(json.loads(code))
    assert len(sentences) == missing_for_setup(code).count("start")
    assert all(sentence in missing_for_setup(code) for sentence in sentences)


def test_a_wifi_network_is_added_for_phones_without_another() -> None:
    code = qr_code("TOKEN", PUBLIC, AGENT)

    closed = Wifi(ssid="Büro", password="open sesame").added_to(code)
    open_one = Wifi(ssid="Guests").added_to(code)

    wifi = {f"android.app.extra.PROVISIONING_WIFI_{name}": value for name, value in
            (("SSID", "Büro"), ("SECURITY_TYPE", "WPA"), ("PASSWORD", "open sesame"))}  # fmt: skip
    assert WHOLE | wifi == json.loads(closed)
    assert "NONE" == json.loads(open_one)["android.app.extra.PROVISIONING_WIFI_SECURITY_TYPE"]


@pytest.mark.parametrize("ssid, password, sentence", [("x" * 33, "", "1 to 32 bytes"), ("", "", "1 to 32"), ("x", "short", "8 to 64")])
def test_a_network_that_cannot_be_is_refused(ssid: str, password: str, sentence: str) -> None:
    with pytest.raises(InvalidArgument, match=sentence):
        Wifi(ssid=ssid, password=password)
