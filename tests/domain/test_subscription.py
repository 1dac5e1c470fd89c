"""Which push endpoints of an enterprise get a type of notification."""

import pytest

from heliograph.domain.enterprise import NotificationType
from heliograph.domain.notification import Subscription
from heliograph.domain.push_target import PushTarget

UPGRADE, COMMAND = NotificationType.ENTERPRISE_UPGRADE, NotificationType.COMMAND


@pytest.mark.parametrize(
    "kind, always, wanted",
    [(COMMAND, False, ["all", "commands"]), (UPGRADE, False, []), (UPGRADE, True, ["all"])],
)
def test_an_endpoint_gets_its_own_types_or_the_enterprises_and_what_is_always_on(
    kind: NotificationType, *, always: bool, wanted: list[str]
) -> None:
    targets = (PushTarget(push_endpoint="all"), PushTarget(push_endpoint="commands", notification_types=frozenset({"COMMAND"})))
    subscription = Subscription(enterprise="LC01", enabled_notification_types=frozenset({"COMMAND"}), push_targets=targets)

    assert wanted == [name.rpartition("/")[2] for name in subscription.endpoints(kind, always=always)]
