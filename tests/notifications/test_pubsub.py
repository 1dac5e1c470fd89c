"""Notifications reach a Pub/Sub topic over its real wire, sent by Google's own client."""

import asyncio
import importlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.pubsub_v1 import PublisherClient, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport
from structlog.testing import capture_logs

from heliograph.domain.enterprise import NotificationType
from heliograph.domain.longrunning import render_operation
from heliograph.service.operations import cancel_operation, get_operation
from tests.notifications.endpoint import Endpoint
from tests.notifications.lab import TOPIC, lab
from tests.notifications.pubsub_server import PubsubServer, emulator, emulator_program, pulled, serving
from tests.patience import PATIENCE_S
from tests.ports import reserved_port


@pytest.fixture
def pubsub(monkeypatch: pytest.MonkeyPatch) -> Iterator[PubsubServer]:
    """A Pub/Sub that the environment names, as Google's client expects it."""
    with serving() as (server, address):
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", address)
        yield server


async def published(pubsub: PubsubServer, count: int) -> list[tuple[str, str, bytes]]:
    """Topic, notification type and data of what was published, once it is so much."""
    deadline = time.monotonic() + PATIENCE_S
    while len(pubsub.published) < count:
        assert time.monotonic() < deadline, pubsub.published
        await asyncio.sleep(0.01)
    return [(topic, message.attributes["notificationType"], message.data) for topic, message in pubsub.published]


async def test_a_topic_gets_its_test_message_and_then_what_is_enabled(tmp_path: Path, pubsub: PubsubServer) -> None:
    async with lab(tmp_path, pubsub=True) as to_topics:
        await to_topics.enables(NotificationType.COMMAND, topic=TOPIC)
        assert [(TOPIC, "test", b"")] == await published(pubsub, 1)
        phone = await to_topics.phone()
        name = await to_topics.issue(phone.name)

        await cancel_operation(to_topics.ports, name)
        _, told = await published(pubsub, 2)

        assert (TOPIC, "COMMAND", render_operation(await get_operation(to_topics.ports, name))) == told


async def test_an_enterprise_without_a_topic_publishes_to_none(tmp_path: Path, pubsub: PubsubServer) -> None:
    async with lab(tmp_path, pubsub=True, enabled=[NotificationType.COMMAND]) as to_topics:
        phone = await to_topics.phone()
        await cancel_operation(to_topics.ports, await to_topics.issue(phone.name))
        await asyncio.sleep(0.3)

    assert [] == pubsub.published


async def test_a_topic_and_a_push_endpoint_both_get_everything(tmp_path: Path, pubsub: PubsubServer, endpoint: Endpoint) -> None:
    async with lab(tmp_path, pubsub=True, push_endpoint=endpoint.url) as both:
        await both.enables(NotificationType.ENROLLMENT, topic=TOPIC)
        await both.phone()

        # Messages do not wait for each other: those that come due together may overtake.
        assert {"test", "ENROLLMENT"} == {kind for _, kind, _ in await published(pubsub, 2)}
        assert [1, 1] == [len(await endpoint.has(1, kind)) for kind in ("test", "ENROLLMENT")]


async def test_a_topic_that_is_not_there_is_tried_again(tmp_path: Path, pubsub: PubsubServer) -> None:
    pubsub.answers = [grpc.StatusCode.NOT_FOUND, grpc.StatusCode.PERMISSION_DENIED]
    with capture_logs() as logs:
        async with lab(tmp_path, pubsub=True) as to_topics:
            await to_topics.enables(topic=TOPIC)

            assert 1 == len(await published(pubsub, 1))

    reasons = [entry["reason"] for entry in logs if entry["event"] == "notification.not_published"]
    assert [f"{TOPIC}: NotFound: 404 as the test wants it", f"{TOPIC}: PermissionDenied: 403 as the test wants it"] == reasons


@pytest.mark.skipif(emulator_program() is None, reason="Google's Pub/Sub emulator is not installed")
async def test_googles_own_emulator_delivers_what_is_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = emulator_program()
    assert program is not None
    with emulator(program, port=reserved_port()) as address:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", address)
        subscription = "projects/lab/subscriptions/amapi"
        with grpc.insecure_channel(address) as channel:
            PublisherClient(transport=PublisherGrpcTransport(channel=channel)).create_topic(name=TOPIC)
            SubscriberClient(transport=SubscriberGrpcTransport(channel=channel)).create_subscription(name=subscription, topic=TOPIC)
        async with lab(tmp_path, pubsub=True) as to_topics:
            await to_topics.enables(NotificationType.ENROLLMENT, topic=TOPIC)
            phone = await to_topics.phone()
            messages: list[tuple[str, str]] = []
            while len(messages) < 2:
                got = await asyncio.to_thread(pulled, address, subscription)
                messages += [(one.attributes["notificationType"], json.loads(one.data or b"{}").get("name", "")) for one in got]

    assert [("ENROLLMENT", str(phone.name)), ("test", "")] == sorted(messages)


def test_without_the_extra_the_server_says_what_to_install(tmp_path: Path) -> None:
    """A real process in which google.cloud.pubsub_v1 cannot be found."""
    (tmp_path / "google" / "cloud").mkdir(parents=True)
    (tmp_path / "google" / "__init__.py").touch()
    (tmp_path / "google" / "cloud" / "__init__.py").touch()
    hide = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from heliograph.cli import main; main()"

    ended = subprocess.run(
        [sys.executable, "-c", hide, "serve", "--pubsub", "--port", "0", "--data-dir", str(tmp_path / "data")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert ended.returncode != 0
    assert 'pip install "heliograph[pubsub]"' in " ".join(ended.stderr.split())
    assert "Traceback" not in ended.stderr


def test_a_server_without_pubsub_never_imports_googles_client() -> None:
    code = "import sys, heliograph.server; sys.exit(any(name.startswith(('google', 'grpc')) for name in sys.modules))"

    assert 0 == subprocess.run([sys.executable, "-c", code], check=False, timeout=PATIENCE_S).returncode
    assert importlib.util.find_spec("google.cloud.pubsub_v1") is not None
