"""Whether a fault can be planned as it is wanted: one effect, what that effect goes with, and numbers that can be.

Every violation names the field and says what is possible.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from heliograph.domain.enterprise import NotificationType
from heliograph.protojson.errors import InvalidArgument, Violation
from heliograph.protojson.times import NS_PER_S, parse_duration_ns
from heliograph.sandbox.calls import METHOD_IDS, full_method_id, short_method_id
from heliograph.sandbox.fault_messages import FaultWanted, NotificationFate
from heliograph.sandbox.near_names import near

CALL_EFFECTS = ("error", "html", "latency", "cut", "expired_token", "operation")
NOTIFICATION_EFFECTS = ("notification",)
PHONE_EFFECTS = ("patch", "offline", "crash", "factory_reset", "os_update")
EFFECTS = CALL_EFFECTS + NOTIFICATION_EFFECTS + PHONE_EFFECTS

STATUSES: Final = range(400, 600)
TIMES_MOST: Final = 1_000_000
LATENCY_MOST_S: Final = 600
AFTER_MOST_S: Final = 100 * 365 * 86_400
OPERATION_METHODS = ("enterprises.devices.operations.get", "enterprises.devices.operations.list")
EXAMPLE: Final = '{"method": "enterprises.devices.issueCommand", "times": 2, "error": {"code": 503, "retryAfter": "1s"}}'
_CAMEL = {name: FaultWanted.__struct_encode_fields__[FaultWanted.__struct_fields__.index(name)] for name in FaultWanted.__struct_fields__}
_DEFAULTS = {field.name: field.default for field in msgspec.structs.fields(FaultWanted)}


def effect_of(wanted: FaultWanted, *, path: str = "") -> str:
    """The field that holds the one effect; everything else in it can be.

    `path`: the proto path of the fault in its request, with a dot at its end.  Raises: InvalidArgument with every violation.
    """
    given = [name for name in EFFECTS if getattr(wanted, name) != _DEFAULTS[name]]
    if len(given) != 1:
        what = f"this one has {', '.join(_CAMEL[name] for name in given)}" if given else "this one has none"
        possible = ", ".join(_CAMEL[name] for name in EFFECTS)
        raise InvalidArgument(
            violations=[
                Violation(
                    path + (given[1] if given else "error"), f"A fault has one effect, and {what}. One of: {possible}; as in {EXAMPLE}."
                )
            ]
        )
    found = [Violation(path + field, text) for field, text in _violations(wanted, given[0])]
    if found:
        raise InvalidArgument(violations=found)
    return given[0]


def seconds(duration: str) -> float:
    """A Duration's text in seconds; empty is 0."""
    return parse_duration_ns(duration) / NS_PER_S if duration else 0.0


def _violations(wanted: FaultWanted, effect: str) -> Iterator[tuple[str, str]]:
    yield from _of_matching(wanted, effect)
    if not 0 <= wanted.times <= TIMES_MOST:
        yield "times", f"times must be from 1 to {TIMES_MOST}, or be left out: until the fault is deleted."
    if not 0 <= wanted.share <= 1:
        yield "share", 'share must be above 0 and at most 1, as in {"share": 0.25} for a quarter of the calls; left out, it is every call.'
    if not 0 <= seconds(wanted.after) <= AFTER_MOST_S:
        yield "after", 'after must be from 0 to a century by the world\'s clock, as in {"after": "30s"}.'
    if wanted.latency and not 0 < seconds(wanted.latency) <= LATENCY_MOST_S:
        yield "latency", f'latency must be above 0 and at most {LATENCY_MOST_S} s of real time, as in {{"latency": "3s"}}.'
    if wanted.offline and not 0 < seconds(wanted.offline) <= AFTER_MOST_S:
        yield "offline", 'offline must be above 0 and at most a century by the world\'s clock, as in {"offline": "600s"}.'
    for name in ("error", "html"):
        answer = getattr(wanted, name)
        if answer is not None:
            yield from _of_answer(name, answer.code, answer.retry_after)
    yield from _of_notification(wanted)
    if wanted.os_update is not None and not 0 <= wanted.os_update.api_level < 1_000:  # noqa: PLR2004 - more than Android will have
        yield "os_update.api_level", 'apiLevel must be an API level, as in {"osUpdate": {"apiLevel": 36, "androidVersion": "16"}}.'


def _of_matching(wanted: FaultWanted, effect: str) -> Iterator[tuple[str, str]]:
    """What narrows a fault down must be something that its effect has."""
    if wanted.method and not full_method_id(wanted.method):
        yield "method", f"{wanted.method[:128]!r} is not a method of AMAPI. {near(wanted.method, map(short_method_id, METHOD_IDS))}"
    if effect not in CALL_EFFECTS:
        for name in ("method", "caller"):
            if getattr(wanted, name):
                yield name, f"{_CAMEL[effect]} does not happen to a call of the API, so {name} cannot choose one: leave it out."
    elif effect == "operation" and wanted.method and short_method_id(wanted.method) not in OPERATION_METHODS:
        yield "method", f"Only {' and '.join(OPERATION_METHODS)} look at operations: use one of them, or leave method out for both."
    if effect in PHONE_EFFECTS:
        if not wanted.phone:
            yield "phone", f'{_CAMEL[effect]} happens to a phone: say to which, as in {{"phone": "pixel8-a15-fully-managed"}}.'
        if wanted.share:
            yield "share", f"{_CAMEL[effect]} happens when it is planned for, so it has no share: leave it out."
        if effect not in {"crash", "os_update"} and wanted.times > 1:
            yield "times", f"{_CAMEL[effect]} happens once: leave times out, or plan it again for a later time."


def _of_answer(name: str, code: int, retry_after: str) -> Iterator[tuple[str, str]]:
    if code not in STATUSES:
        yield f"{name}.code", f'code must be an HTTP status from {STATUSES[0]} to {STATUSES[-1]}, as in {{"{name}": {{"code": 503}}}}.'
    if retry_after and not 0 <= seconds(retry_after) <= AFTER_MOST_S:
        yield f"{name}.retry_after", 'retryAfter must not be negative, as in {"retryAfter": "60s"}.'


def _of_notification(wanted: FaultWanted) -> Iterator[tuple[str, str]]:
    about = wanted.notification
    if about is None:
        return
    if about.fate is NotificationFate.NOTIFICATION_FATE_UNSPECIFIED:
        possible = ", ".join(fate.value for fate in list(NotificationFate)[1:])
        yield "notification.fate", f'fate must be one of {possible}, as in {{"notification": {{"fate": "LOST"}}}}.'
    types = [kind.value for kind in list(NotificationType)[1:]]
    if about.type and about.type not in types:
        yield "notification.type", f"{about.type[:64]!r} is not a notificationType. {near(about.type, types)}"
    if not 0 <= seconds(about.delay) <= AFTER_MOST_S:
        yield "notification.delay", 'delay must be from 0 to a century by the world\'s clock, as in {"delay": "60s"}.'
