"""The commands for people; they speak HTTP like any other client."""

import typer

import heliograph

app = typer.Typer(name="heliograph", no_args_is_help=True, add_completion=False)


@app.callback()
def heliograph_command() -> None:
    """An open server for Android device commands, wire-compatible with the Android Management API."""


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(heliograph.__version__)


def main() -> None:
    """Run the command line and exit with its code."""
    app()
