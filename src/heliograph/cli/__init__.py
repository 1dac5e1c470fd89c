"""The commands for people; they speak HTTP like any other client."""

import sys
from pathlib import Path
from typing import Annotated

import typer

import heliograph
from heliograph.cli import check_history, db, devices, fleet, issue, keys, operations, sandbox, serve
from heliograph.cli.api_client import Failure
from heliograph.cli.exit_codes import EPILOG, OF_STATUS, ExitCode
from heliograph.cli.options import KEY_FILE
from heliograph.cli.output import print_error, print_failure
from heliograph.domain.errors import HeliographError

app = typer.Typer(
    name="heliograph",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    epilog=EPILOG,
    pretty_exceptions_show_locals=False,
)
RUN, USE, PROVE = "Run", "Use a server", "Prove it"
app.command("sandbox", rich_help_panel=RUN)(sandbox.sandbox)
app.command("serve", rich_help_panel=RUN)(serve.serve)
app.command("fleet", rich_help_panel=RUN)(fleet.fleet)
app.add_typer(devices.app, name="devices", rich_help_panel=USE)
app.add_typer(issue.app, name="issue", rich_help_panel=USE)
app.add_typer(operations.app, name="operations", rich_help_panel=USE)
app.add_typer(keys.app, name="keys", rich_help_panel=USE)
app.add_typer(db.app, name="db", rich_help_panel=RUN)
app.command("check-history", rich_help_panel=PROVE)(check_history.check_history)


@app.callback()
def heliograph_command(
    *,
    key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", envvar="HELIOGRAPH_KEY", help="Key file to sign in with, where the server asks for one."),
    ] = None,
) -> None:
    """An open server for Android device commands, wire-compatible with the Android Management API."""
    KEY_FILE.set(key)


@app.command(rich_help_panel=RUN)
def version() -> None:
    """Print the version."""
    typer.echo(heliograph.__version__)


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        app()
    except Failure as failure:
        print_failure(failure, as_json="--json" in sys.argv)
        sys.exit(failure.exit_code)
    except HeliographError as error:
        print_error(error.message)
        sys.exit(OF_STATUS.get(error.code.name, ExitCode.UNAVAILABLE))
