"""`heliograph issue DEVICE TYPE`: one sub-command per row of `heliograph.commands`, its options made from the row."""

import inspect
import json
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from heliograph.cli.api_client import Failure, Json
from heliograph.cli.exit_codes import EPILOG, ExitCode
from heliograph.cli.options import DEFAULT_ENTERPRISE, DEFAULT_SERVER, AsJson, Device, Enterprise, Server, Timeout, client_of, device_name
from heliograph.cli.output import print_json, print_operation
from heliograph.cli.param_options import options_of, params_given
from heliograph.cli.waiting import wait_for
from heliograph.commands import COMMANDS
from heliograph.domain.command import CommandType

Body = Annotated[str, typer.Option("--body", metavar="JSON", help="Send this Command as it is, instead of a TYPE.", show_default=False)]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until the operation has ended; the exit code tells its outcome.")]
Duration = Annotated[
    str,
    typer.Option(
        "--duration", metavar="SECONDS", help='How long the command is good for, as in 3600s; "600s" if not given.', show_default=False
    ),
]


@dataclass(frozen=True, kw_only=True)
class Given:
    """What stood before the TYPE, and so holds for whatever stands behind it."""

    device: str
    enterprise: str
    server: str
    wait: bool
    timeout: float | None
    as_json: bool


class IssueGroup(TyperGroup):
    """Lets `--body` and `--help` stand behind the DEVICE, and a TYPE be written in small letters."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Typer's own click context is not public
        """Where no TYPE follows, options may stand behind the DEVICE too."""
        if args[1:2] == ["--help"] or any(arg.partition("=")[0] == "--body" for arg in args):
            ctx.allow_interspersed_args = True
        return super().parse_args(ctx, args)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 - ditto
        """The type's sub-command, however its name is written: clear-app-data is CLEAR_APP_DATA."""
        return super().get_command(ctx, cmd_name.upper().replace("-", "_"))


app = typer.Typer(
    cls=IssueGroup,
    invoke_without_command=True,
    help="Issue a command to a device. [bold]heliograph issue DEVICE TYPE --help[/bold] shows the options of a type.",
    subcommand_metavar="TYPE [OPTIONS]",
    epilog=EPILOG,
)


@app.callback()
def issue(  # noqa: PLR0913 - one option each
    ctx: typer.Context,
    device: Device,
    *,
    body: Body = "",
    wait: Wait = False,
    timeout: Timeout = None,
    enterprise: Enterprise = DEFAULT_ENTERPRISE,
    server: Server = DEFAULT_SERVER,
    as_json: AsJson = False,
) -> None:
    """The command is issued: the one in `--body` here, one of a TYPE by its sub-command."""
    given = Given(device=device, enterprise=enterprise, server=server, wait=wait, timeout=timeout, as_json=as_json)
    ctx.obj = given
    if body and ctx.invoked_subcommand:
        raise Failure(ExitCode.INVALID, "Give a TYPE or --body, not both.")
    if body:
        _send(given, body.encode())
    elif not ctx.invoked_subcommand:
        raise Failure(ExitCode.INVALID, f"Which command? Choose a TYPE: {', '.join(COMMANDS)}.")


class IssueOfType:
    """The sub-command of one type. Typer reads its signature, which is made from the row."""

    def __init__(self, row: CommandType) -> None:
        """The row's sub-command."""
        self._row = row
        self._options = options_of(row)
        self.__name__ = row.name
        inherited = [parameter for parameter in inspect.signature(self.__call__).parameters.values() if parameter.name != "values"]
        own = [option.parameter() for option in self._options]
        self.__signature__ = inspect.Signature([inherited[0], *own, *inherited[1:]])
        self.__annotations__ = {parameter.name: parameter.annotation for parameter in self.__signature__.parameters.values()}

    def __call__(  # noqa: PLR0913 - one option each
        self,
        ctx: typer.Context,
        *,
        duration: Duration = "",
        wait: Wait = False,
        timeout: Timeout = None,
        enterprise: Enterprise = "",
        server: Server = "",
        as_json: AsJson = False,
        **values: Any,  # noqa: ANN401 - the row's own options
    ) -> None:
        """The command is issued with the params given. Options may stand before the TYPE or behind it; behind wins."""
        before: Given = ctx.obj
        given = Given(
            device=before.device,
            enterprise=enterprise or before.enterprise,
            server=server or before.server,
            wait=wait or before.wait,
            timeout=before.timeout if timeout is None else timeout,
            as_json=as_json or before.as_json,
        )
        _send(given, json.dumps(self._command(duration, values)).encode())

    def _command(self, duration: str, values: dict[str, Any]) -> Json:
        params = params_given(self._options, values)
        field = self._row.params_field
        # The params object goes along though it be empty: real AMAPI refuses some types without it.
        return {"type": self._row.name, **({field: params} if field else params), **({"duration": duration} if duration else {})}


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


for _row in COMMANDS.values():
    app.command(_row.name, help=_row.summary)(IssueOfType(_row))
