"""A server that pushes, and phones enrolled in it."""

import contextlib
import hashlib
import itertools
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from heliograph.commands import ENVELOPE
from heliograph.domain.device import DeviceReport
from heliograph.domain.enrollment import EnrollmentToken
from heliograph.domain.enterprise import Enterprise, NotificationType
from heliograph.domain.names import DeviceName, EnterpriseName, OperationName
from heliograph.protocol import Enroll
from heliograph.sandbox.clock import AdvancingClock
from heliograph.server import assembled
from heliograph.service.enrollment_tokens import create_enrollment_token
from heliograph.service.enterprises import create_enterprise, patch_enterprise
from heliograph.service.issue_command import issue_command
from heliograph.service.phones import enroll_device
from heliograph.service.ports import Ports
from heliograph.settings import Settings
from tests.patience import patient
from tests.service.world import A_COMMAND, Phone, facts

LAB = EnterpriseName("LC0lab0000")
TOPIC = "projects/lab/topics/amapi"


class Lab:
    """The ports, and what a test needs to act on them."""

    def __init__(self, ports: Ports, clock: AdvancingClock) -> None:
        self.ports = ports
        self.clock = clock
        self._credentials = itertools.count(1)

    async def enables(self, *types: NotificationType, topic: str | None = None) -> None:
        """The lab's enterprise wants these types; its topic is set where one is given."""
        wanted = Enterprise(enabled_notification_types=types, pubsub_topic=topic or "")
        mask = ("enabled_notification_types",) if topic is None else ("enabled_notification_types", "pubsub_topic")
        await patch_enterprise(self.ports, LAB, wanted, mask)

    async def phone(self, report: DeviceReport | None = None) -> Phone:
        """A newly enrolled phone."""
        credential = f"credential {next(self._credentials)}"
        token = await create_enrollment_token(self.ports, LAB, EnrollmentToken())
        enrolled = await enroll_device(
            self.ports,
            Enroll(
                enrollment_token=token.value,
                installation_id="installation",
                credential_hash=hashlib.sha256(credential.encode()).hexdigest(),
                report=report or facts(),
            ),
        )
        return Phone(self.ports, DeviceName.parse(enrolled.name), credential)

    async def issue(self, device: DeviceName, body: str = A_COMMAND) -> OperationName:
        """The name of a newly issued operation."""
        return (await issue_command(self.ports, device, ENVELOPE.decode(body.encode()))).name


@contextlib.asynccontextmanager
async def lab(
    folder: Path, *, push_endpoint: str = "", pubsub: bool = False, enabled: Sequence[NotificationType] = ()
) -> AsyncIterator[Lab]:
    """A server with one enterprise that enabled these types."""
    clock = AdvancingClock()
    settings = patient(Settings(data_dir=folder, push_endpoint=push_endpoint, pubsub=pubsub, durable=False))
    async with assembled(settings, clock=clock) as parts:
        if await parts.store.enterprise(LAB) is None:
            await create_enterprise(parts.ports, Enterprise(enabled_notification_types=tuple(enabled)), enterprise_id=LAB.enterprise)
        yield Lab(parts.ports, clock)
