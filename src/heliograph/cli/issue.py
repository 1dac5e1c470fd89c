"""`heliograph issue DEVICE TYPE`: one sub-command per row of `heliograph.commands`; its options come from the row."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import click

from heliograph.cli.anywhere import ENTERPRISE, SERVER
from heliograph.cli.api_client import ApiClient
from heliograph.cli.bodies import HELP, read_body
from heliograph.cli.command_tree import AnywhereOption, Command, Group, option
from heliograph.cli.confirming import YES, confirm
from heliograph.cli.durations import DURATION, METAVAR
from heliograph.cli.exit_codes import EPILOG, ExitCode
from heliograph.cli.failure import Failure
from heliograph.cli.options import AS_JSON, TIMEOUT, client_of, device_name
from heliograph.cli.output import print_json, print_operation
from heliograph.cli.param_options import options_of, params_given
from heliograph.cli.waiting import wait_for
from heliograph.commands import COMMANDS
from heliograph.domain.command import CommandType
from heliograph.domain.command_fields import command_with
from heliograph.domain.names import DeviceName

WAIT = option("--wait", cls=AnywhereOption, is_flag=True, help="Wait until the operation ends; the exit code is its outcome.")
VALID_FOR = option("--duration", type=DURATION, metavar=METAVAR, help="How long the command is valid, as in 10m or 3600s; 600s by default.")


DEVICE_HELP = "A device id, or enterprises/…/devices/…; several with commas between them; - reads them from standard input."
ALL = option("--all", "all_devices", cls=AnywhereOption, is_flag=True, help="Issue it to every device of the enterprise; without a DEVICE.")
WHERE = option(
    "--where", cls=AnywhereOption, default="", show_default=False, metavar="FILTER",
    help="Issue it to the devices for which this holds, as in 'api>=30 AND policy=kiosk' (see devices list --help); without a DEVICE.",
)  # fmt: skip
NO_DEVICE = "(selected)"
"""Stands for the DEVICE if --all or --where selects them; no device can have this id."""
FROM_STDIN = "-"


@dataclass(frozen=True, kw_only=True)
class Given:
    """What every command's issue has."""

    device: str
    all_devices: bool
    where: str
    yes: bool
    enterprise: str
    server: str
    wait: bool
    timeout: float | None
    as_json: bool


SHARED = [field.name for field in fields(Given) if field.name != "device"]
"""Options that hold before the TYPE and after it."""


class IssueGroup(Group):
    """Accepts `--body` and `--help` after the DEVICE, and a TYPE in lower case."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Without a TYPE, options may follow the DEVICE too."""
        if any(arg == "--all" or arg.partition("=")[0] == "--where" for arg in args):
            args = _with_no_device(args)
        if args[1:2] == ["--help"] or any(arg.partition("=")[0] == "--body" for arg in args):
            ctx.allow_interspersed_args = True
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The types, in the order of their rows."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The type's sub-command."""
        row = row_named(cmd_name)
        return _command_of(row) if row is not None else None


@click.group(
    "issue",
    cls=IssueGroup,
    invoke_without_command=True,
    help="Issue a command to a device, or to many. heliograph issue DEVICE TYPE --help shows the options of a type.",
    subcommand_metavar="TYPE [OPTIONS]",
    epilog=EPILOG,
)
@click.argument("device", metavar="DEVICE", help=DEVICE_HELP)
@ALL
@WHERE
@option("--body", default="", show_default=False, metavar="JSON", help=f"Send this Command unchanged, instead of a TYPE: {HELP}")
@WAIT
@TIMEOUT
@YES
@ENTERPRISE
@SERVER
@AS_JSON
@click.pass_context
def app(
    ctx: click.Context,
    /,
    *,
    body: str,
    **given_here: Any,  # noqa: ANN401 - the fields of Given
) -> None:
    """Issue the command in `--body`; a TYPE is issued by its sub-command."""
    given = Given(**given_here)
    ctx.obj = given.device
    if body and ctx.invoked_subcommand:
        raise Failure(ExitCode.INVALID, "Give a TYPE or --body, not both.")
    if body:
        _send(given, read_body(body))
    elif not ctx.invoked_subcommand:
        raise Failure(ExitCode.INVALID, f"Which command? Choose a TYPE: {', '.join(COMMANDS)}.")


def _command_of(row: CommandType) -> click.Command:
    """The sub-command of one type; its options come from its row. Options may stand before or after the TYPE."""
    options = options_of(row)

    @click.pass_obj
    def issue(device: str, /, *, duration: str | None, **values: Any) -> None:  # noqa: ANN401 - the row's own options, and Given's
        given = Given(device=device, **{name: values[name] for name in SHARED})
        command = command_with(row, params_given(options, values), duration or "")
        _send(given, json.dumps(command).encode())

    command = Command(row.name, callback=issue, help=row.summary, params=[option.parameter() for option in options])
    for decorate in (VALID_FOR, ALL, WHERE, WAIT, TIMEOUT, YES, ENTERPRISE, SERVER, AS_JSON):
        decorate(command)
    return command


def _with_no_device(args: list[str]) -> list[str]:
    """The arguments with a place-holder where the DEVICE would stand: before the TYPE, or at the end. A DEVICE that is there stays."""
    if not args[0].startswith("-") and row_named(args[0]) is None:
        return args
    place = next((number for number, arg in enumerate(args) if row_named(arg) is not None), len(args))
    return [*args[:place], NO_DEVICE, *args[place:]]


def row_named(name: str) -> CommandType | None:
    """The type, however its name is written: clear-app-data is CLEAR_APP_DATA."""
    return COMMANDS.get(name.upper().replace("-", "_"))


def _send(given: Given, body: bytes) -> None:
    client = client_of(given.server)
    devices = _devices(client, given)
    many = len(devices) != 1 or given.device in {NO_DEVICE, FROM_STDIN}
    _confirm(given, body, devices, many=many)
    if many:
        from heliograph.cli.issue_many import issue_to_many  # noqa: PLC0415 - one command starts faster

        issue_to_many(client, devices, body, wait=given.wait, timeout=given.timeout, as_json=given.as_json)
        return
    answer = client.post(f"/v1/{devices[0]}:issueCommand", body)
    operation = json.loads(answer)
    if given.wait:
        wait_for(client, operation["name"], timeout=given.timeout, as_json=given.as_json)
    elif given.as_json:
        print_json(answer)
    else:
        print_operation(operation)


def _devices(client: ApiClient, given: Given) -> list[DeviceName]:
    """The devices that were named or selected, each once.  Raises: Failure: there are none."""
    if (given.device == NO_DEVICE) != (given.all_devices or bool(given.where.strip())):
        raise Failure(ExitCode.INVALID, "Which devices? Give a DEVICE, --all, or --where with a FILTER: one of them.")
    if given.device == NO_DEVICE:
        from heliograph.cli.device_columns import devices_of  # noqa: PLC0415 - a device that is named needs no columns

        found = devices_of(client, given.enterprise, given.where)
        names = [DeviceName.parse(device["name"]) for device in found]
    else:
        text = sys.stdin.read() if given.device == FROM_STDIN else given.device
        names = [device_name(device, given.enterprise) for device in text.replace(",", " ").split()]
    if not names:
        raise Failure(ExitCode.NOT_FOUND, "There is no such device: nothing was issued.")
    return list(dict.fromkeys(names))


def _confirm(given: Given, body: bytes, devices: Sequence[DeviceName], *, many: bool) -> None:
    """One device that is named is enough for a script; a person at a terminal, and many devices, need a second word."""
    row = _row_of(body)
    if row is None or not row.final_at_ack or not (many or sys.stdin.isatty()):
        return
    which = f"{len(devices)} devices" if many else str(devices[0])
    confirm(f"{row.name} removes {which} from management, and cannot be undone.", yes=given.yes)


def _row_of(body: bytes) -> CommandType | None:
    """The type of a Command as far as it names one; the server judges the rest."""
    try:
        command = json.loads(body)
    except ValueError:
        return None
    if not isinstance(command, dict):
        return None
    # As AMAPI does, take the type from the params if it is left out.
    return row_named(str(command.get("type", ""))) or next((row for row in COMMANDS.values() if row.params_field in command), None)
