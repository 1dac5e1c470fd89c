"""A command, issued in three steps: its type, its params, and a last look at what will be sent. All of them are made from the rows."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from heliograph.api.console.command_forms import Fields, command_in, example_of, fields_of, inputs_of
from heliograph.api.console.guest import DEVICES_GET, ISSUE, ConsolePage, Guest, Json, Redirect
from heliograph.api.console.links import crumbs_of
from heliograph.api.console.rejections import message_of, status_of
from heliograph.api.console.same_elsewhere import command_line, curl_line, python_lines
from heliograph.api.console.shown import json_shown
from heliograph.api.http.errors import UnknownPath
from heliograph.commands import COMMANDS, ENVELOPE
from heliograph.domain.command import CommandType
from heliograph.domain.command_fields import command_fields
from heliograph.domain.command_support import facts_of, why_not
from heliograph.domain.device import DeviceRecord
from heliograph.domain.envelope import IssuedCommand
from heliograph.domain.names import DeviceName
from heliograph.protojson.errors import InvalidArgument
from heliograph.service.devices import get_device

HIDDEN: Final = "…"
"""Instead of a secret, in what is shown."""


async def show_types(guest: Guest, enterprise: str, device_id: str) -> ConsolePage:
    """All types; those that this device would refuse say why, and lead nowhere."""
    name, record = await _device(guest, enterprise, device_id)
    facts = facts_of(record.report)
    rows = [
        {"name": row.name, "summary": row.summary, "destructive": row.final_at_ack, "url": guest.url_of(name, "commands", row.name),
         "reason": "Your role does not allow it." if not guest.may_issue(row) else why_not(row, facts) if facts else ""}
        for row in COMMANDS.values()
    ]  # fmt: skip
    return ConsolePage("console/types.html", "Issue a command", {"rows": rows, "crumbs": _crumbs(guest, name)})


async def show_form(guest: Guest, enterprise: str, device_id: str, kind: str) -> ConsolePage:
    """The form of one type."""
    name, record = await _device(guest, enterprise, device_id)
    return _form(guest, name, _row(kind), record, {})


async def confirm(guest: Guest, enterprise: str, device_id: str, kind: str) -> ConsolePage:
    """What will be sent, exactly; or the form again, with what is wrong in it, or (`edit`) with the command that was looked at."""
    name, record = await _device(guest, enterprise, device_id)
    row = _row(kind)
    if guest.field("edit"):
        return _form(guest, name, row, record, fields_of(row, _whole(_decoded(guest, guest.field("command").encode()))))
    try:
        issued = _decoded(guest, msgspec.json.encode(command_in(row, guest.fields)))
        _check(issued, record)
    except InvalidArgument as error:
        return _form(guest, name, row, record, guest.fields, error=error)
    return _confirmation(guest, name, issued, request_id=f"console-{guest.ports.ids.token_id()}")


async def issue(guest: Guest, enterprise: str, device_id: str) -> ConsolePage | Redirect:
    """The command is issued, once, however often the form is sent; its operation's page shows it."""
    name, _record = await _device(guest, enterprise, device_id)
    body = guest.field("command").encode()
    issued, request_id = _decoded(guest, body), guest.field("request_id")
    if issued.row.final_at_ack and guest.field("typed_name").strip() != name.device:
        wrong = f"Type {name.device} to issue {issued.row.name}: it cannot be undone."
        return _confirmation(guest, name, issued, request_id=request_id, error=wrong)
    operation = await guest.ask(ISSUE, *name, body=body, idempotency_key=request_id)
    return Redirect(guest.url_of(name, "operations", operation["name"].rpartition("/")[2]))


async def _device(guest: Guest, enterprise: str, device_id: str) -> tuple[DeviceName, DeviceRecord]:
    """The device, which the caller may read and command.  Raises: as the API's methods."""
    name = DeviceName(enterprise, device_id)
    await guest.admit(DEVICES_GET, *name)
    record = await get_device(guest.ports, name)
    await guest.require(ISSUE, *name)
    return name, record


def _row(kind: str) -> CommandType:
    row = COMMANDS.get(kind)
    if row is None:
        raise UnknownPath(f"commands/{kind}")
    return row


def _decoded(guest: Guest, body: bytes) -> IssuedCommand:
    """Raises: InvalidArgument."""
    return ENVELOPE.decode(body, behaviour=guest.ports.limits.behaviour)


def _check(issued: IssuedCommand, record: DeviceRecord) -> None:
    """Raises: InvalidArgument: the server would refuse the command for this device."""
    if found := list(issued.row.check_on(issued.params, issued.row.params_path, personally_owned=record.personally_owned)):
        raise InvalidArgument(violations=found)


def _whole(issued: IssuedCommand) -> Json:
    """The Command that is issued, with its secrets and its effective duration."""
    own = issued.command if issued.secrets is None else ENVELOPE.merge_secrets(issued.command, issued.secrets)
    command: Json = msgspec.json.decode(ENVELOPE.full_command(issued.row.name, own))
    return {**command, "duration": issued.duration}


def _form(
    guest: Guest, name: DeviceName, row: CommandType, record: DeviceRecord, fields: Fields, *, error: InvalidArgument | None = None
) -> ConsolePage:
    facts = facts_of(record.report)
    values = {
        "row": row, "inputs": inputs_of(row, fields), "duration": next(iter(fields.get("duration", ())), ""),
        "action": guest.url_of(name, "commands", row.name),
        "error": message_of(error), "reason": why_not(row, facts) if facts else "", "example": json_shown(example_of(row)),
        "crumbs": [*_crumbs(guest, name), ("Issue a command", guest.url_of(name, "commands"))],
    }  # fmt: skip
    return ConsolePage("console/form.html", row.name, values, status=status_of(error))


def _confirmation(guest: Guest, name: DeviceName, issued: IssuedCommand, *, request_id: str, error: str = "") -> ConsolePage:
    row, command = issued.row, _whole(issued)
    shown = _without_secrets(row, command)
    values = {
        "row": row, "device": name.device, "command": msgspec.json.encode(command).decode(), "request_id": request_id, "error": error,
        "json": json_shown(shown), "curl": curl_line(guest, name, shown), "python": python_lines(guest, name, shown),
        "cli": command_line(guest, name, row, command),
        "destructive": row.final_at_ack, "action": guest.url_of(name, "commands"), "back_url": guest.url_of(name, "commands", row.name),
        "hides": shown != command,
        "crumbs": [*_crumbs(guest, name), ("Issue a command", guest.url_of(name, "commands"))],
    }  # fmt: skip
    return ConsolePage("console/confirm.html", f"{row.name} for {name.device}", values, status=400 if error else 200)


def _without_secrets(row: CommandType, command: Json) -> Json:
    """The command as pages show it: what is secret is hidden."""
    secret = {field.json_name for field in command_fields(row) if field.secret}

    def hidden(params: Mapping[str, Any]) -> Json:
        return {name: HIDDEN if name in secret else value for name, value in params.items()}

    field = row.params_field
    return {**command, field: hidden(command.get(field, {}))} if field else hidden(command)


def _crumbs(guest: Guest, name: DeviceName) -> list[tuple[str, str]]:
    return [*crumbs_of(guest, name.enterprise), (name.device, guest.url_of(name))]
