"""Messages are encrypted and authorized as the RFCs say: by their own example, and by libraries of others."""

import base64
import json
from pathlib import Path

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from py_vapid import Vapid02

from heliograph.domain.web_push import LIFE_US, WebPushName, WebPushSubscription
from heliograph.notifications.web_push import encrypted
from heliograph.service.vapid import VapidKey, unpadded
from heliograph.storage.vault import FileVault
from tests.web_push.push_service import Subscription

NAME = WebPushName("LC0lab0000", "d1")


def subscription(p256dh: bytes, auth: bytes) -> WebPushSubscription:
    """A subscription with these keys."""
    return WebPushSubscription(name=NAME, endpoint="https://push.example.net/p", p256dh=p256dh, auth=auth, renewed_us=0, expires_us=LIFE_US)


def raw(text: str) -> bytes:
    """What base64url without padding stands for."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_the_example_of_rfc_8291_is_encrypted_to_the_byte() -> None:
    """RFC 8291, section 5 and appendix A."""
    theirs = raw("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4")
    own = ec.derive_private_key(int.from_bytes(raw("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")), ec.SECP256R1())

    body = encrypted(
        b"When I grow up, I want to be a watermelon",
        subscription(theirs, raw("BTBZMqHH6r4Tts7J_aSIgg")),
        own=own,
        salt=raw("DGv6ra1nlYgDCS1FRnbzlw"),
    )

    expected = (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT"
        "pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )
    assert expected == unpadded(body)


@given(plain=st.binary(max_size=3_000), salt=st.binary(min_size=16, max_size=16))
def test_the_phone_reads_what_was_encrypted_for_it(plain: bytes, salt: bytes) -> None:
    phone = Subscription("one", "")
    keys = phone.keys()

    body = encrypted(plain, subscription(raw(keys.p256dh), raw(keys.auth)), own=ec.generate_private_key(ec.SECP256R1()), salt=salt)

    assert plain == http_ece.decrypt(body, private_key=phone.private, auth_secret=phone.auth, version="aes128gcm")


def test_servers_with_one_key_file_have_one_key_pair_and_others_another(tmp_path: Path) -> None:
    one, same, other = (VapidKey(FileVault(tmp_path / name)) for name in ("a.key", "a.key", "b.key"))

    assert one.public_text == same.public_text
    assert one.public_text != other.public_text
    assert 65 == len(raw(one.public_text))


def test_a_push_service_verifies_who_sends(tmp_path: Path) -> None:
    key = VapidKey(FileVault(tmp_path / "a.key"))

    header = key.authorization("https://push.example.net", contact="mailto:ops@example.com", expires_s=1_790_000_000)

    assert Vapid02.verify(header.replace(", ", ","))
    claims = json.loads(raw(header.partition("t=")[2].split(".")[1]))
    assert {"aud": "https://push.example.net", "exp": 1_790_000_000, "sub": "mailto:ops@example.com"} == claims
    assert header.endswith(f"k={key.public_text}")
