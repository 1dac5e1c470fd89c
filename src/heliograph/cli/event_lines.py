"""An event as a line for people: when, its cursor, the notification's type, and what of its data one wants to see."""

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from typing import Final

import click

from heliograph.cli.foreign_text import harmless_line
from heliograph.cli.output import STYLES, Json, local_time
from heliograph.domain.longrunning import read_outcome
from heliograph.domain.notification import TEST_TYPE

TYPE_WIDTH: Final = len("STATUS_REPORT") + 1
"""ENTERPRISE_UPGRADE is longer and so rare that its line may stand out."""


def print_event(event: bytes) -> None:
    """Print the event, one line of JSON, as one line, on a terminal no longer than this is wide."""
    shown: Json = json.loads(event)
    kind = str(shown["notificationType"])
    clock = local_time(shown["createTime"]).partition(" ")[2][: len("13:00:00")]
    summary, colour = SUMMARIES.get(kind, _nothing)(shown.get("data", {}))
    begin = f"{clock}  {shown['cursor']:>4}  "
    line = f"{kind:<{TYPE_WIDTH}} {harmless_line(summary)}".rstrip()
    if sys.stdout.isatty():
        line = _cut(line, shutil.get_terminal_size().columns - len(begin))
    click.echo(click.style(begin, dim=True) + click.style(line[: len(kind)], fg=colour or None, bold=True) + line[len(kind) :])


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"


def _command(operation: Json) -> tuple[str, str]:
    outcome = read_outcome(operation)
    detail = outcome.detail or str(operation.get("error", {}).get("message", ""))
    device, _, number = str(operation["name"]).partition("/devices/")[2].partition("/operations/")
    what = " ".join(filter(None, (operation["metadata"].get("type", ""), outcome.outcome, detail)))
    return f"{what}  {device}  {number}", STYLES.get(outcome.outcome, "")


def _device(device: Json) -> tuple[str, str]:
    words = [_id(device["name"]), str(device.get("appliedState", device.get("state", "")))]
    if "policyCompliant" in device:
        words.append("compliant" if device["policyCompliant"] else "not compliant")
    return "  ".join(words), ""


def _usage_logs(batch: Json) -> tuple[str, str]:
    events = batch.get("usageLogEvents", ())
    first = _usage_log(events[0]) if events else ""
    more = f"and {len(events) - 1} more" if len(events) > 1 else ""
    return "  ".join(filter(None, (first, more, _id(batch.get("device", ""))))), ""


def _usage_log(event: Json) -> str:
    located = event.get("lostModeLocationEvent", {})
    where = located.get("location", {})
    words = [str(event.get("eventType", ""))]
    if where:
        words.append(f"{where.get('latitude', 0):.5f},{where.get('longitude', 0):.5f} {located.get('batteryLevel', 0)} %")
    words.append(str(event.get("stopLostModeUserAttemptEvent", {}).get("status", "")))
    return " ".join(filter(None, words))


def _upgrade(event: Json) -> tuple[str, str]:
    return f"{_id(event.get('enterprise', ''))}  {event.get('upgradeState', '')}", ""


def _nothing(_: Json) -> tuple[str, str]:
    return "", ""


def _id(name: str) -> str:
    return name.rpartition("/")[2]


SUMMARIES: Final[Mapping[str, Callable[[Json], tuple[str, str]]]] = {
    "COMMAND": _command,
    "ENROLLMENT": _device,
    "STATUS_REPORT": _device,
    "USAGE_LOGS": _usage_logs,
    "ENTERPRISE_UPGRADE": _upgrade,
    TEST_TYPE: lambda _: ("pubsubTopic was set", ""),
}
"""By notification type: the words, and the colour of their outcome."""
