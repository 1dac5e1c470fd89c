"""Push endpoints that are made, changed, closed and deleted at once: what their enterprise's record says of them is always true."""

import asyncio
import contextlib
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from heliograph.domain.enterprise import Enterprise, NotificationType
from heliograph.domain.names import PushEndpointName
from heliograph.domain.push_endpoint import PushEndpoint, PushEndpointRecord, PushEndpointState, Scheme, Signing, StandardWebhooks
from heliograph.protojson.errors import HeliographError
from heliograph.service.enterprises import patch_enterprise
from heliograph.service.limits import Limits
from heliograph.service.operations import cancel_operation
from heliograph.service.push_endpoints import (
    close_push_endpoint,
    create_push_endpoint,
    delete_push_endpoint,
    patch_push_endpoint,
    rotate_webhook_secret,
)
from heliograph.service.webhook_keys import OLD_KEYS_MOST
from tests.service.world import LAB, Phone, World, world
from tests.state_machines import stateful

URLS = ("https://a.example.com/", "https://b.example.com/")
TYPES = ((), (NotificationType.COMMAND,), (NotificationType.STATUS_REPORT, NotificationType.ENROLLMENT))
MOST = 2
SIGNED = Signing(standard_webhooks=StandardWebhooks(schemes=(Scheme.V1,)))
STEPS = st.tuples(
    st.sampled_from(("create", "delete", "enable", "disable", "gone", "retype", "move", "rotate")),
    st.sampled_from(("a", "b", "c")),
    st.sampled_from(URLS),
    st.sampled_from(TYPES),
)
Step = tuple[str, str, str, tuple[NotificationType, ...]]


class RacingPushEndpoints(RuleBasedStateMachine):
    """One enterprise, three ids, room for two."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.closing = contextlib.AsyncExitStack()
        self.lab: World
        self.phone: Phone

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - whatever the work gives
        return self.runner.run(work)

    @initialize()
    def opens(self) -> None:
        folder = self.closing.enter_context(tempfile.TemporaryDirectory())
        self.lab = self.run(self.closing.enter_async_context(world(Path(folder), limits=Limits(push_endpoints_most=MOST))))
        self.run(patch_enterprise(self.lab.ports, LAB, Enterprise(enabled_notification_types=(NotificationType.COMMAND,)), None))
        self.phone = self.run(self.lab.phone())

    def teardown(self) -> None:
        self.run(self.closing.aclose())
        self.runner.close()

    @rule(steps=st.lists(STEPS, min_size=1, max_size=6), seconds=st.integers(0, 100_000))
    def race(self, steps: list[Step], seconds: int) -> None:
        """All at once: they reach the store in one batch."""
        self.lab.clock.advance(seconds)

        async def together() -> None:
            await asyncio.gather(*(self._step(*step) for step in steps))

        self.run(together())

    async def _step(self, what: str, endpoint_id: str, url: str, types: tuple[NotificationType, ...]) -> None:
        ports, name = self.lab.ports, PushEndpointName(LAB.enterprise, endpoint_id)
        wanted = PushEndpoint(url=url, notification_types=types, signing=SIGNED)
        patches = {
            "enable": (PushEndpoint(state=PushEndpointState.ENABLED), "state"),
            "disable": (PushEndpoint(state=PushEndpointState.DISABLED), "state"),
            "retype": (wanted, "notification_types"),
            "move": (wanted, "url"),
        }
        with contextlib.suppress(HeliographError):
            if what == "create":
                await create_push_endpoint(ports, LAB, wanted, endpoint_id=endpoint_id, issuer="https://h.example.com")
            elif what == "delete":
                await delete_push_endpoint(ports, name)
            elif what == "gone":
                await close_push_endpoint(ports, name, url=url, reason="It answered 410 Gone.")
            elif what == "rotate":
                await rotate_webhook_secret(ports, name)
            else:
                patch, path = patches[what]
                await patch_push_endpoint(ports, name, patch, (path,), issuer="https://h.example.com")

    @rule()
    def an_operation_ends(self) -> None:
        """Each enabled endpoint that wants it has a message of its own, and no other destination has one."""
        operation = self.run(self.lab.issue(self.phone.name))
        self.run(cancel_operation(self.lab.ports, operation))
        now = self.run(self._endpoints())
        wanting = [
            str(record.name)
            for record in now
            if record.enabled and NotificationType.COMMAND in (record.message.notification_types or (NotificationType.COMMAND,))
        ]
        messages = self.run(self.lab.ports.store.oldest_messages(LAB.enterprise, limit=1_000))
        destinations = [message.destination for message in messages if str(operation).encode() in message.data]

        assert sorted(wanting) == sorted(destinations)

    @invariant()
    def the_enterprise_knows_its_enabled_endpoints(self) -> None:
        endpoints = self.run(self._endpoints())
        enterprise = self.run(self.lab.ports.store.enterprise(LAB))

        assert {record.target for record in endpoints if record.enabled} == set(enterprise.push_targets)
        assert len(endpoints) <= MOST
        for record in endpoints:
            current, *before = record.keys
            assert current.expires_us is None
            assert len(before) <= OLD_KEYS_MOST
            assert not [keys for keys in before if keys.expires_us is None]

    async def _endpoints(self) -> list[PushEndpointRecord]:
        return list((await self.lab.ports.store.records(PushEndpointRecord, LAB.enterprise, after="", limit=100)).items)


TestRacingPushEndpoints = RacingPushEndpoints.TestCase
TestRacingPushEndpoints.settings = stateful(examples=15, steps=12)
