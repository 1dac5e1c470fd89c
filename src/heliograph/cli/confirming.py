"""`--yes`: nothing is destroyed by a slip of the fingers."""

import sys

import click

from heliograph.cli.command_tree import AnywhereOption, option
from heliograph.cli.exit_codes import ExitCode
from heliograph.cli.failure import Failure

YES = option("--yes", cls=AnywhereOption, is_flag=True, help="Do it without asking.")


def confirm(what: str, *, yes: bool) -> None:
    """Return if `--yes` was given, or a person at the terminal agrees.  Raises: Failure: neither."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise Failure(ExitCode.INVALID, f"{what} Give --yes to do it.")
    if not click.confirm(f"{what} Go on?", err=True):
        raise Failure(ExitCode.NOT_EXECUTED, "Nothing was done.")
