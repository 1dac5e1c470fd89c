"""`heliograph version`: print the version."""

import click

import heliograph
from heliograph.cli.command_tree import command


@command("version")
def version() -> None:
    """Print the version."""
    click.echo(heliograph.__version__)
