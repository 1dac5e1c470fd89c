"""What people write into a Command by mistake, and the sentence that puts them right: for the errors of the envelope.

Source: amapi.md §1.20, §6.15, §6.16 (what clients were seen to send).
"""

from collections.abc import Iterable, Mapping

import msgspec

from heliograph.domain.command import CommandType

_FIELDS = {
    "type": ("command", "command_type", "action", "operation", "cmd"),
    "duration": ("timeout", "ttl", "expiry", "expiration", "expires_in", "validity", "duration_seconds", "duration_s", "timeout_seconds"),
    "new_password": ("password", "passcode", "new_passcode", "pin", "new_pin"),
    "reset_password_flags": ("flags", "password_flags"),
}
_NAMED_IN_URL = ("name", "parent", "device", "device_id", "device_name", "enterprise", "enterprise_id")
_OF_DEVICE = ("state", "disabled_reason", "policy_name")
_PARAMS = ("params", "parameters", "command_params", "args", "arguments", "options")


def habits_of_type(rows: Mapping[str, CommandType]) -> Mapping[str, str]:
    """For each wrong name of a type: which it is, or which they are, and what else there is to know."""
    meant: dict[str, list[CommandType]] = {}
    for row in rows.values():
        for name in row.also_called:
            meant.setdefault(name, []).append(row)
    return {name: _did_you_mean(name, of) for name, of in meant.items()}


def _did_you_mean(name: str, rows: Iterable[CommandType]) -> str:
    names = " or ".join(f'"{row.name}"' for row in rows)
    return " ".join([f"Did you mean {names}?", *(said for row in rows if (said := row.also_called[name]))])


def habits_of_command(rows: Mapping[str, CommandType]) -> Mapping[str, str]:
    """For each name that is not a field of Command: the field that is meant, or what to do instead."""
    habits = {wrong: field for field, wrongs in _FIELDS.items() for wrong in wrongs}
    habits |= dict.fromkeys(_NAMED_IN_URL, "The device is named in the URL: leave it out here.")
    habits |= dict.fromkeys(_OF_DEVICE, "It is a field of Device: change it with devices.patch.")
    fields = [str(row.params_field) for row in rows.values() if row.params_field]
    habits |= dict.fromkeys(_PARAMS, f"Each type has params of its own name: {', '.join(fields)}.")
    meant: dict[str, list[str]] = {}
    for row in rows.values():
        if not row.params_field:
            habits[f"{row.name}_PARAMS"] = _no_params(row)
        for name in row.params_also_called:
            meant.setdefault(name, []).append(f'"{row.params_field}"')
    return habits | {name: f"Did you mean {' or '.join(fields)}?" for name, fields in meant.items()}


def _no_params(row: CommandType) -> str:
    own = [field.encode_name for field in msgspec.structs.fields(row.params)]
    if not own:
        return f"Commands of type {row.name} take no params: leave it out."
    return f"Type {row.name} has no params message: {' and '.join(own)} belong in the command itself, beside type."
