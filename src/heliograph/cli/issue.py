"""`heliograph issue DEVICE TYPE`: one sub-command per row of `heliograph.commands`; its options come from the row."""

import json
from dataclasses import dataclass
from typing import Any

import click

from heliograph.cli.anywhere import ENTERPRISE, SERVER
from heliograph.cli.api_client import Json
from heliograph.cli.bodies import HELP, read_body
from heliograph.cli.command_tree import AnywhereOption, Command, Group, option
from heliograph.cli.durations import DURATION, METAVAR
from heliograph.cli.exit_codes import EPILOG, ExitCode
from heliograph.cli.failure import Failure
from heliograph.cli.options import AS_JSON, DEVICE, TIMEOUT, client_of, device_name
from heliograph.cli.output import print_json, print_operation
from heliograph.cli.param_options import options_of, params_given
from heliograph.cli.waiting import wait_for
from heliograph.commands import COMMANDS
from heliograph.domain.command import CommandType

WAIT = option("--wait", cls=AnywhereOption, is_flag=True, help="Wait until the operation ends; the exit code is its outcome.")
VALID_FOR = option("--duration", type=DURATION, metavar=METAVAR, help="How long the command is valid, as in 10m or 3600s; 600s by default.")


@dataclass(frozen=True, kw_only=True)
class Given:
    """What every command's issue has."""

    device: str
    enterprise: str
    server: str
    wait: bool
    timeout: float | None
    as_json: bool


class IssueGroup(Group):
    """Accepts `--body` and `--help` after the DEVICE, and a TYPE in lower case."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Without a TYPE, options may follow the DEVICE too."""
        if args[1:2] == ["--help"] or any(arg.partition("=")[0] == "--body" for arg in args):
            ctx.allow_interspersed_args = True
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The types, in the order of their rows."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The type's sub-command, however its name is written: clear-app-data is CLEAR_APP_DATA."""
        row = COMMANDS.get(cmd_name.upper().replace("-", "_"))
        return _command_of(row) if row is not None else None


@click.group(
    "issue",
    cls=IssueGroup,
    invoke_without_command=True,
    help="Issue a command to a device. heliograph issue DEVICE TYPE --help shows the options of a type.",
    subcommand_metavar="TYPE [OPTIONS]",
    epilog=EPILOG,
)
@DEVICE
@option("--body", default="", show_default=False, metavar="JSON", help=f"Send this Command unchanged, instead of a TYPE: {HELP}")
@WAIT
@TIMEOUT
@ENTERPRISE
@SERVER
@AS_JSON
@click.pass_context
def app(  # noqa: PLR0913 - one option each
    ctx: click.Context, *, device: str, body: str, wait: bool, timeout: float | None, enterprise: str, server: str, as_json: bool
) -> None:
    """Issue the command in `--body`; a TYPE is issued by its sub-command."""
    given = Given(device=device, enterprise=enterprise, server=server, wait=wait, timeout=timeout, as_json=as_json)
    ctx.obj = given
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
    def issue(  # noqa: PLR0913 - one option each
        before: Given,
        /,
        *,
        duration: str | None,
        wait: bool,
        timeout: float | None,
        enterprise: str,
        server: str,
        as_json: bool,
        **values: Any,  # noqa: ANN401 - the row's own options
    ) -> None:
        given = Given(device=before.device, enterprise=enterprise, server=server, wait=wait, timeout=timeout, as_json=as_json)
        _send(given, json.dumps(_command(row, duration, params_given(options, values))).encode())

    command = Command(row.name, callback=issue, help=row.summary, params=[option.parameter() for option in options])
    for decorate in (VALID_FOR, WAIT, TIMEOUT, ENTERPRISE, SERVER, AS_JSON):
        decorate(command)
    return command


def _command(row: CommandType, duration: str | None, params: Json) -> Json:
    field = row.params_field
    # Send the params object even if it is empty: real AMAPI refuses some types without it.
    return {"type": row.name, **({field: params} if field else params), **({"duration": duration} if duration else {})}


def _send(given: Given, body: bytes) -> None:
    client = client_of(given.server)
    answer = client.post(f"/v1/{device_name(given.device, given.enterprise)}:issueCommand", body)
    operation = json.loads(answer)
    if given.wait:
        wait_for(client, operation["name"], timeout=given.timeout, as_json=given.as_json)
    elif given.as_json:
        print_json(answer)
    else:
        print_operation(operation)
