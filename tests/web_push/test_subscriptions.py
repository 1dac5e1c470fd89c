"""What a phone may give as its subscription, and what becomes of one."""

import asyncio
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from heliograph.domain.names import DeviceName
from heliograph.domain.push_addresses import PushAddresses
from heliograph.domain.web_push import LIFE_US, RENEWED_AFTER_US, PushKeys, WebPushName, read_subscription
from heliograph.protocol import PushSubscription
from heliograph.protojson.errors import InvalidArgument
from heliograph.service.vapid import unpadded
from heliograph.service.web_push import give_push_subscription
from tests.web_push.lab import S_US, WakingLab, waking_lab
from tests.web_push.push_service import PushService, Subscription

NAME = WebPushName("LC0lab0000", "d1")
URL = "https://push.example.net/one"
KEYS = Subscription("one", "").keys()
AUTH = unpadded(bytes(16))


def read(endpoint: str = URL, keys: PushKeys = KEYS) -> None:
    """Raises what the subscription is refused with."""
    read_subscription(NAME, endpoint, keys, addresses=PushAddresses(), now_us=0)


@given(number=st.integers(1, 2**256 - 2**225))
def test_every_public_key_is_taken_with_padding_and_without(number: int) -> None:
    point = ec.derive_private_key(number, ec.SECP256R1()).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    for padding in ("", "="):
        read(keys=PushKeys(p256dh=unpadded(point) + padding, auth=AUTH + 2 * padding))


@given(where=st.integers(1, 64), flip=st.integers(1, 255))
def test_a_point_beside_the_curve_is_not_a_key(where: int, flip: int) -> None:
    point = bytearray(Subscription("one", "").private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
    point[where] ^= flip

    with pytest.raises(InvalidArgument, match="p256dh must be"):
        read(keys=PushKeys(p256dh=unpadded(bytes(point)), auth=AUTH))


@pytest.mark.parametrize(
    "endpoint",
    ["push.example.net/one", "ftp://push.example.net", "http://push.example.net/", "https://127.0.0.1/", "https://[::1]/", "https://10.0.0.1/",
     "https://169.254.169.254/latest", "https://user@push.example.net/", f"https://push.example.net/{2_048 * 'x'}"],
)  # fmt: skip
def test_an_endpoint_is_refused_as_a_push_endpoint_would_be(endpoint: str) -> None:
    with pytest.raises(InvalidArgument, match="endpoint "):
        read(endpoint)


@pytest.mark.parametrize("auth", ["", "AAAA", "ä", AUTH[:-2], AUTH + AUTH, "!" * 22])
def test_a_secret_of_another_length_is_refused(auth: str) -> None:
    with pytest.raises(InvalidArgument, match="auth must be"):
        read(keys=PushKeys(p256dh=KEYS.p256dh, auth=auth))


async def test_a_subscription_that_is_given_again_is_renewed_once_a_day(lab: WakingLab) -> None:
    phone, subscription = await lab.sleeper()
    first = await lab.stored(phone)
    given = lab.service.message_of(subscription)

    await give_push_subscription(lab.ports, phone.name, given)
    assert first == await lab.stored(phone)
    lab.advance(RENEWED_AFTER_US / S_US)
    await give_push_subscription(lab.ports, phone.name, given)

    again = await lab.stored(phone)
    assert first is not None
    assert again is not None
    assert again.reaches_the_same(first)
    assert RENEWED_AFTER_US <= again.expires_us - first.expires_us


async def test_a_subscription_that_is_not_given_again_for_long_is_forgotten(lab: WakingLab) -> None:
    phone, _ = await lab.sleeper()

    lab.advance(LIFE_US / S_US)

    assert await lab.stored(phone) is None


async def test_a_newer_subscription_outlives_the_refusal_of_the_one_before(lab: WakingLab, service: PushService) -> None:
    phone, old = await lab.sleeper()
    del service.subscriptions[old.id]
    service.flows.clear()
    await lab.issue(phone.name)
    await service.asked(1)

    new = await lab.subscribe(phone)
    service.flows.set()
    async with asyncio.timeout(90):
        while not lab.web_push.outcomes:  # noqa: ASYNC110 - nothing signals it
            await asyncio.sleep(0.005)

    stored = await lab.stored(phone)
    assert stored is not None
    assert stored.endpoint.endswith(new.id)


async def test_the_key_is_the_same_after_a_restart(tmp_path: Path, service: PushService) -> None:
    keys = set()
    for _ in range(2):
        async with waking_lab(tmp_path, service) as lab:
            keys.add((await give_push_subscription(lab.ports, DeviceName("LC0lab0000", "d1"), PushSubscription())).application_server_key)

    assert 1 == len(keys)
