"""Which writes publish a notification, and where it goes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from heliograph.domain import notification as contents
from heliograph.domain.device import DeviceRecord, DeviceStatus, EnterpriseRecord
from heliograph.domain.enterprise import NotificationType
from heliograph.domain.names import EnterpriseName
from heliograph.domain.notification import TEST, Notification, Subscription, subscription_of
from heliograph.domain.operation import Operation
from heliograph.domain.usage_log import Batch
from heliograph.protojson.errors import FailedPrecondition
from heliograph.service.event_log import AppendEvent
from heliograph.service.outbox import Publish
from heliograph.service.ports import Facts, Ports, PutOperation, Write


def operation_writes(ports: Ports, facts: Facts, before: Operation, after: Operation) -> Sequence[Write]:
    """`after` is written; if it has just ended, its COMMAND goes out."""
    put = PutOperation(after)
    if before.done or after.open or facts.subscription is None or facts.subscription.chooses_nothing:
        return (put,)
    return (put, *_published(ports, facts, NotificationType.COMMAND, lambda: contents.operation_ended(after)))


def enrolment_published(ports: Ports, facts: Facts, device: DeviceRecord) -> Iterator[Write]:
    """The new device's ENROLLMENT goes out."""
    return _published(ports, facts, NotificationType.ENROLLMENT, lambda: contents.device_enrolled(device))


def status_published(ports: Ports, facts: Facts, device: DeviceRecord, status: DeviceStatus | None) -> Iterator[Write]:
    """The device's STATUS_REPORT goes out."""
    return _published(ports, facts, NotificationType.STATUS_REPORT, lambda: contents.device_reported(device, status))


def usage_published(ports: Ports, facts: Facts, device: DeviceRecord, batch: Batch, events: Sequence[Any]) -> Iterator[Write]:
    """USAGE_LOGS with these of the batch's events goes out."""
    return _published(ports, facts, NotificationType.USAGE_LOGS, lambda: contents.usage_logged(device, batch, events))


def departure_published(ports: Ports, facts: Facts, device: DeviceRecord) -> Iterator[Write]:
    """The device's final STATUS_REPORT goes out."""
    return _published(ports, facts, NotificationType.STATUS_REPORT, lambda: contents.device_gone(device))


class NothingPublishes(FailedPrecondition):
    """This server publishes to no topic: make a push endpoint, or start it with --push-endpoint, or with --pubsub for Google's Pub/Sub."""

    reason = "NOTIFICATIONS_NOT_PUBLISHED"


def topic_tried_out(ports: Ports, enterprise: EnterpriseRecord) -> Iterable[Write]:
    """A test message goes out if the enterprise has a topic, regardless of the types it enabled.  Raises: NothingPublishes."""
    subscription = subscription_of(enterprise)
    if not subscription.pubsub_topic:
        return ()
    if not ports.destinations.outside:
        raise NothingPublishes
    return _to(ports, subscription, lambda: TEST)


def upgrade_published(ports: Ports, enterprise: EnterpriseRecord) -> Iterable[Write]:
    """ENTERPRISE_UPGRADE goes out, regardless of the types that the enterprise enabled: Google's is always on (amapi.md §5.2)."""
    subscription = subscription_of(enterprise)
    endpoints = subscription.endpoints(NotificationType.ENTERPRISE_UPGRADE, always=True)
    return _to(ports, subscription, lambda: contents.enterprise_upgraded(enterprise), endpoints=endpoints)


def _published(ports: Ports, facts: Facts, kind: NotificationType, make: Callable[[], Notification]) -> Iterator[Write]:
    if facts.subscription is not None:
        yield from _to(ports, facts.subscription, make, wanted=facts.subscription.wants(kind), endpoints=facts.subscription.endpoints(kind))


def _to(
    ports: Ports, subscription: Subscription, make: Callable[[], Notification], *, wanted: bool = True, endpoints: Iterable[str] = ()
) -> Iterator[Write]:
    """`wanted`: by the enterprise itself; `endpoints`: those of its push endpoints that get it."""
    destinations = [*(ports.destinations.of(subscription) if wanted else ()), *endpoints]
    as_event = wanted and ports.destinations.events
    if not destinations and not as_event:
        return  # so it is not rendered either
    notification = make()
    if as_event:
        yield AppendEvent(EnterpriseName(subscription.enterprise), notification)
    yield from (Publish(notification, destination, subscription.enterprise) for destination in destinations)
