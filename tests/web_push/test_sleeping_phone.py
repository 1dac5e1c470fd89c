"""A virtual phone that sleeps without a connection wakes by a push and executes; the connection is the same as ever."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from heliograph.agent.runner import PhoneRunner, TransportKind
from heliograph.domain.enterprise import Enterprise
from heliograph.domain.names import DeviceName
from heliograph.domain.web_push import WebPushName, WebPushSubscription
from heliograph.protocol import PushSubscription
from heliograph.server import Parts, SystemClock, assembled, listening_socket, serving, url_of
from heliograph.service.enterprises import create_enterprise
from heliograph.settings import Settings
from tests.agent.lab import Lab, eventually, executions, shown
from tests.patience import PATIENCE_S, patient
from tests.web_push.lab import LOOPBACK
from tests.web_push.push_service import PushService, Subscription


class Distributor:
    """A PushDistributor on a virtual phone: a message brings the network back, and the agent's own reconnecting does the rest."""

    def __init__(self, service: PushService, phone: PhoneRunner) -> None:
        self._service = service
        self._phone = phone
        self.made: Subscription | None = None

    @property
    def subscription(self) -> PushSubscription:
        return PushSubscription() if self.made is None else self._service.message_of(self.made)

    async def subscribe(self, application_server_key: str) -> PushSubscription:
        if self.made is None or self.made.server_key != application_server_key:
            self.made = self._service.subscribe(application_server_key, self._phone.mischief.go_online)
        return self.subscription


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Parts]:
    """A server that may push to loopback."""
    settings = Settings(data_dir=tmp_path / "server", durable=False, push_allow_networks=LOOPBACK)
    async with assembled(patient(settings), clock=SystemClock()) as made:
        yield made


@pytest.fixture
async def lab(parts: Parts, tmp_path: Path) -> AsyncIterator[Lab]:
    """Phones of that server."""
    with listening_socket("127.0.0.1", 0) as listener:
        async with serving(parts.app, listener, lane=parts.lane, drain=parts.channel.drain, shutdown_s=1):
            made = Lab(url_of(listener), parts.ports, (await create_enterprise(parts.ports, Enterprise())).name, tmp_path)
            try:
                yield made
            finally:
                for phone in made.phones:
                    await phone.stop()


async def woken_phone(lab: Lab, service: PushService, kind: TransportKind) -> PhoneRunner:
    """A phone that has given its subscription."""
    phone = await lab.phone("pixel8-a15-fully-managed", lab.line(kind=kind))
    distributor = Distributor(service, phone)
    phone.push = distributor
    phone.crash()  # the next life of its agent finds the distributor
    await eventually(lambda: distributor.made is not None)
    async with asyncio.timeout(PATIENCE_S):
        while await lab.ports.store.record(WebPushSubscription, WebPushName(*DeviceName.parse(phone.name))) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    return phone


@pytest.mark.parametrize("kind", TransportKind)
async def test_a_sleeping_phone_wakes_by_the_push_and_executes_once(lab: Lab, service: PushService, kind: TransportKind) -> None:
    phone = await woken_phone(lab, service, kind)
    await phone.mischief.go_offline()
    await eventually(lambda: not phone.connected)

    operation = await lab.issue(phone, type="LOCK", duration="3600s")
    ended = await lab.ended(operation)

    assert "response" in shown(ended)
    assert (1, 1) == (service.requests, executions(phone, operation))


async def test_a_connected_phone_is_not_pushed_to(lab: Lab, service: PushService) -> None:
    phone = await woken_phone(lab, service, TransportKind.WEBSOCKET)

    for _ in range(3):
        await lab.ended(await lab.issue(phone, type="LOCK"))

    assert 0 == await service.quiet()
