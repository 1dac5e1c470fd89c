"""The request monitor: what callers sent, how it was answered, and the way of each call to its phone and to its notification."""

from collections.abc import Mapping
from typing import Any, Final

from heliograph.api.console.guest import ConsolePage, Json, Redirect
from heliograph.api.console.shown import json_shown, moment, moment_of
from heliograph.domain.names import DeviceName
from heliograph.domain.notification_subject import about
from heliograph.protojson.errors import HeliographError, InvalidArgument
from heliograph.sandbox.bodies import is_whole
from heliograph.sandbox.calls import device_in, short_method_id
from heliograph.sandbox.console.player import FAILED, Player
from heliograph.sandbox.console.wall_page import around
from heliograph.sandbox.request_filter import parse_request_filter
from heliograph.sandbox.request_journal import RequestRecord

ROWS: Final = 100
REQUESTS_MOST: Final = 10**15
"""More than there can be."""
REFRESH_S: Final = 3
QUICK: Final[Mapping[str, str]] = {
    "All": "",
    "Commands": "method:issueCommand",
    "Refused": "status>=400",
    "Met a fault": "fault:*",
}


async def show_requests(player: Player) -> ConsolePage:
    """The newest calls that the filter wants, newest first."""
    wanted, before, error = player.parameter("filter"), player.parameter("before"), ""
    try:
        holds = parse_request_filter(wanted)
    except InvalidArgument as wrong:
        holds, error = (lambda _record: False), wrong.message
    last = int(before) if is_whole(before, most=REQUESTS_MOST) else 0
    found = [record for record in player.world.bench.requests.records() if holds(record) and (not last or record.number < last)]
    shown = found[: -ROWS - 1 : -1]
    values = {
        **around(player), "rows": [_row(player, record) for record in shown], "filter": wanted, "error": error,
        "count": len(found), "action": player.here("requests"),
        "quick": [{"name": name, "url": player.here("requests", filter=text), "chosen": text == wanted} for name, text in QUICK.items()],
        "older_url": player.here("requests", filter=wanted, before=str(shown[-1].number)) if len(found) > len(shown) else "",
        "newest_url": player.here("requests", filter=wanted) if last else "",
        "har": player.asked("requests.exportHar", query={"filter": wanted}),
        "list": player.asked("requests.list", query={"filter": wanted}),
        "clear_url": player.here("requests", verb="clear"), "clear": player.asked("requests.clear"),
    }  # fmt: skip
    if last or error:
        return ConsolePage("sandbox/requests.html", "Requests", values, status=FAILED if error else 200)
    live = f"enterprises/{player.world.first_enterprise}/requests {player.world.steered}"
    return ConsolePage("sandbox/requests.html", "Requests", values, refresh_s=REFRESH_S, live=live)


async def show_request(player: Player, number: str) -> ConsolePage:
    """One call whole: head, body, answer, and what it caused."""
    record = player.world.bench.requests.find(number)
    trace = await player.see("requests.trace", ids={"number": number})
    values = {
        **around(player), "row": _row(player, record), "record": record, "url": f"{record.url}{'?' + record.query if record.query else ''}",
        "head": list(record.request_headers.items()), "answer_head": list(record.response_headers.items()),
        "body": _shown(record.request_body), "answer": _shown(record.response_body),
        "asked": player.asked("requests.trace", ids={"number": number}),
        "steps": [_step(player, step) for step in trace["steps"]], "operation": trace.get("operation"),
        "others_url": player.here("requests", filter=f'operation="{record.operation}"') if record.operation else "",
        "notifications_url": player.here("notifications", operation=record.operation) if record.operation else "",
        "crumbs": [("Requests", player.here("requests"))],
    }  # fmt: skip
    live = record.operation.rpartition("/operations/")[0]
    return ConsolePage("sandbox/request.html", f"Request {record.number}", values, live=live)


async def clear(player: Player) -> Redirect:
    """The journal is empty."""
    await player.steer("requests.clear")
    return Redirect(player.here("requests"))


async def show_notifications(player: Player) -> ConsolePage:
    """The newest notifications, newest first."""
    device, operation = player.parameter("device"), player.parameter("operation")
    try:
        seen = await player.see("notifications.list", query={"device": device})
    except HeliographError:
        seen = {"notifications": []}
    found = [one for one in seen["notifications"] if not operation or one["resource"].get("name") == operation]
    values = {
        **around(player), "rows": [_notification(player, one) for one in found[: -ROWS - 1 : -1]], "count": len(found),
        "device": device, "operation": operation, "all_url": player.here("notifications") if device or operation else "",
        "asked": player.asked("notifications.list", query={"device": device}),
        "enabled": any(player.world.settings.enabled_notification_types),
    }  # fmt: skip
    live = f"enterprises/{player.world.first_enterprise}/notifications {player.world.steered}"
    return ConsolePage("sandbox/notifications.html", "Sent notifications", values, refresh_s=REFRESH_S, live=live)


def _row(player: Player, record: RequestRecord) -> Json:
    return {
        "number": record.number, "url": player.here("requests", str(record.number)), "time": moment(record.time_us),
        "method": short_method_id(record.method), "http": record.http_method, "phone": record.device, "status": record.status or "cut",
        "failed": not record.status or record.status >= FAILED, "ms": f"{record.duration_s * 1_000:.1f}", "fault": record.fault,
        "what": record.what, "caller": record.caller, "operation": record.operation.rpartition("/")[2],
        "operation_url": player.url_of_resource(record.operation),
        "phone_url": _phone_url(player, device_in(record.resource)),
        "fault_url": player.here("faults"),
    }  # fmt: skip


def _phone_url(player: Player, device: DeviceName | None) -> str:
    """Where the virtual phone is shown that is this device; empty: it is none of them."""
    phone = player.world.bench.phone_of(device) if device is not None else None
    return player.here_of(phone) if phone in player.world.phones and phone is not None else ""


def _step(player: Player, step: Json) -> Json:
    request = step.get("request", "")
    return {
        "detail": "", "count": 0, **step, "time": moment_of(step["time"]), "until": moment_of(step.get("until", "")),
        "what": short_method_id(step["what"]), "request": request.rpartition("/")[2],
        "url": player.here("requests", request.rpartition("/")[2]) if request else "",
    }  # fmt: skip


def _notification(player: Player, one: Json) -> Json:
    resource = str(one["resource"].get("name", ""))
    of_operation = "/operations/" in resource
    name = device_in(about(one["resource"]))
    return {
        "id": one["messageId"], "time": moment_of(one["publishTime"]), "type": one["notificationType"], "resource": resource,
        "resource_url": player.url(*resource.split("/")) if of_operation or name is not None else "",
        "requests_url": player.here("requests", filter=f'operation="{resource}"') if of_operation else "",
        "phone": name.device if name is not None else "",
        "phone_url": _phone_url(player, name),
        "malformed": one.get("malformed", ""), "json": json_shown(one["resource"]),
    }  # fmt: skip


def _shown(body: Any) -> str:  # noqa: ANN401 - JSON
    if body is None:
        return ""
    return body if isinstance(body, str) else json_shown(body)
