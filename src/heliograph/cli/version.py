"""`heliograph version`: which version this is."""

import click

import heliograph
from heliograph.cli.command_tree import command


@command("version")
def version() -> None:
    """Print the version."""
    click.echo(heliograph.__version__)
