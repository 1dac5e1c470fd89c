"""Notifications to callers, and who enabled them.  Source: disc, Enterprise.pubsubTopic; amapi.md §5."""

import functools
from collections.abc import Sequence
from typing import Any

import msgspec

from heliograph.domain.device import DeviceRecord, DeviceState, DeviceStatus, EnterpriseRecord
from heliograph.domain.device_json import render_device
from heliograph.domain.enterprise import NotificationType
from heliograph.domain.enterprise_upgrade import upgraded_event
from heliograph.domain.longrunning import render_operation
from heliograph.domain.names import PushEndpointName
from heliograph.domain.operation import Operation
from heliograph.domain.push_target import PushTarget
from heliograph.domain.usage_log import Batch, batch_message
from heliograph.protojson.messages import encode_message

TEST_TYPE = "test"
"""The notificationType of the message that tries out a topic: not one of the enum (amapi.md §5.4)."""


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """One message's contents: `data` is the resource as a GET shows it at that moment, UTF-8 JSON."""

    notification_type: str
    data: bytes
    supersedes: str = ""
    """The message has the newest state of this: one that still waits under the same name is not sent any more."""


TEST = Notification(notification_type=TEST_TYPE, data=b"")


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """What an enterprise wants published, and where."""

    enterprise: str
    pubsub_topic: str = ""
    enabled_notification_types: frozenset[str] = frozenset()
    push_targets: tuple[PushTarget, ...] = ()

    @property
    def chooses_nothing(self) -> bool:
        """Whether nothing that an enterprise may choose to hear of is wanted, by itself or for a push endpoint."""
        return not (self.enabled_notification_types or self.push_targets)

    def wants(self, notification_type: NotificationType) -> bool:
        """Whether the enterprise enabled this type."""
        return notification_type.value in self.enabled_notification_types

    def endpoints(self, notification_type: NotificationType, *, always: bool = False) -> Sequence[str]:
        """The destinations that are push endpoints of the enterprise and get this type.

        `always`: also those that get what the enterprise enabled, whatever that is.
        """
        enabled = {notification_type.value} if always else self.enabled_notification_types
        return [
            str(PushEndpointName(self.enterprise, target.push_endpoint))
            for target in self.push_targets
            if notification_type.value in (target.notification_types or enabled)
        ]


def subscription_of(record: EnterpriseRecord) -> Subscription:
    """The subscription of an enterprise."""
    return _subscription(record.name.enterprise, record.resource, record.push_targets)


class _Wanted(msgspec.Struct, frozen=True, rename="camel"):
    """What a canonical resource says of it."""

    pubsub_topic: str = ""
    enabled_notification_types: frozenset[str] = frozenset()


@functools.lru_cache(maxsize=1_024)
def _subscription(enterprise: str, resource: bytes, push_targets: tuple[PushTarget, ...]) -> Subscription:
    wanted = msgspec.json.decode(resource, type=_Wanted)
    return Subscription(
        enterprise=enterprise, pubsub_topic=wanted.pubsub_topic, enabled_notification_types=wanted.enabled_notification_types,
        push_targets=push_targets,
    )  # fmt: skip


def operation_ended(operation: Operation) -> Notification:
    """COMMAND: the final operation.  Source: disc, NotificationType.COMMAND ("when a device command has completed")."""
    return Notification(notification_type=NotificationType.COMMAND.value, data=render_operation(operation))


def device_enrolled(device: DeviceRecord) -> Notification:
    """ENROLLMENT: the new device."""
    return Notification(notification_type=NotificationType.ENROLLMENT.value, data=encode_message(render_device(device)))


def device_reported(device: DeviceRecord, status: DeviceStatus | None) -> Notification:
    """STATUS_REPORT: the device as it reported itself; only the newest one that waits is sent."""
    return _status_report(device, encode_message(render_device(device, status)))


def usage_logged(device: DeviceRecord, batch: Batch, events: Sequence[Any]) -> Notification:
    """USAGE_LOGS: these of the batch's events."""
    message = batch_message(batch, events, device=str(device.name), user=device.user_name)
    return Notification(notification_type=NotificationType.USAGE_LOGS.value, data=encode_message(message))


def enterprise_upgraded(enterprise: EnterpriseRecord) -> Notification:
    """ENTERPRISE_UPGRADE: it has succeeded."""
    data = encode_message(upgraded_event(str(enterprise.name)))
    return Notification(notification_type=NotificationType.ENTERPRISE_UPGRADE.value, data=data)


def device_gone(device: DeviceRecord) -> Notification:
    """STATUS_REPORT, the final one: the device as it was last known, DELETED.

    Source: disc, DeviceState.DELETED ("used in the final status report when the device acknowledges the deletion"); clients look at
    `state` or at `appliedState` (amapi.md §5.14), so both say so.
    """
    last = msgspec.structs.replace(render_device(device), state=DeviceState.DELETED, applied_state=DeviceState.DELETED)
    return _status_report(device, encode_message(last))


def _status_report(device: DeviceRecord, data: bytes) -> Notification:
    kind = NotificationType.STATUS_REPORT.value
    return Notification(notification_type=kind, data=data, supersedes=f"{kind} {device.name}")
