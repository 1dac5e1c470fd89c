"""The notifications that the product under test received."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, overload

from heliograph.domain.notification_subject import about
from heliograph.testing.connection import Json, Steering
from heliograph.testing.times import moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One notification that went, or would go, to Pub/Sub or a push endpoint."""

    type: str
    """COMMAND, ENROLLMENT, …: AMAPI's notificationType."""
    time: datetime
    resource: Any
    """What it says, decoded: of COMMAND an Operation, of USAGE_LOGS BatchUsageLogEvents, of the others a Device."""
    message_id: str
    """The same one again was delivered twice."""
    raw: Json

    def __getitem__(self, field: str) -> Any:  # noqa: ANN401 - JSON
        """A field as the sandbox says it, as in `["notificationType"]`.  Raises: KeyError: it says none."""
        return self.raw[field]

    def __str__(self) -> str:
        """In a line."""
        name = about(self.resource) if isinstance(self.resource, dict) else ""
        return f"{self.type} {name}".rstrip()


class Notifications(Sequence[Notification]):
    """The notifications of a world, oldest first; looked up each time, once everything has settled."""

    def __init__(self, steering: Steering) -> None:
        self._steering = steering

    def about(self, phone: str) -> list[Notification]:
        """Those about one phone and its operations."""
        return self._all(phone)

    def published(self, type: str, *, phone: str = "", times: int | None = None) -> list[Notification]:
        """Those of this type, about this phone.

        Raises: AssertionError: there are none, or not this many `times`. The message shows what there was instead.
        """
        __tracebackhide__ = True
        self._steering.settle()  # push endpoints have got them, too
        every = self._all(phone)
        found = [each for each in every if each.type == type]
        if bool(found) if times is None else len(found) == times:
            return found
        wanted = "at least one" if times is None else str(times)
        lines = [f"{wanted} {type} was to be published{f' about {phone}' if phone else ''}, but there were {len(found)}. There was:"]
        raise AssertionError(
            "\n  ".join([*lines, *(map(str, every) if every else ["nothing: is the type enabled (enabledNotificationTypes)?"])])
        )

    def push_to(self, url: str) -> None:
        """From now on they are pushed to this endpoint, in Pub/Sub's envelope (docs/notifications.md).  Raises: Refused."""
        self._steering.post("pushEndpoints", {"url": url})

    @overload
    def __getitem__(self, index: int) -> Notification: ...
    @overload
    def __getitem__(self, index: slice) -> list[Notification]: ...
    def __getitem__(self, index: int | slice) -> Notification | list[Notification]:
        """One of them, or some."""
        return self._all()[index]

    def __len__(self) -> int:
        """How many there are."""
        return len(self._all())

    def __iter__(self) -> Iterator[Notification]:
        """As they are now."""
        return iter(self._all())

    def _all(self, device: str = "") -> list[Notification]:
        return [_notification(view) for view in self._steering.get("notifications", device=device)["notifications"]]


def _notification(view: Json) -> Notification:
    return Notification(
        type=view["notificationType"], time=moment(view["publishTime"]), resource=view["resource"], message_id=view["messageId"], raw=view
    )
