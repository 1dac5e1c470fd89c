"""`heliograph --show-completion SHELL`: the script that lets a shell complete commands and options with the Tab key."""

import click

PROGRAM = "heliograph"
VARIABLE = "_HELIOGRAPH_COMPLETE"
"""Set by the script when the shell asks for completions. Click then answers instead of running a command."""


def print_completion(ctx: click.Context, _parameter: click.Parameter, shell: str | None) -> None:
    """Print the script for the shell and exit, if one is named."""
    if shell is None or ctx.resilient_parsing:
        return
    from click.shell_completion import get_completion_class  # noqa: PLC0415 - click itself loads it when it is asked for

    kind = get_completion_class(shell)
    if kind is None:
        raise click.BadParameter(shell)
    click.echo(kind(ctx.command, {}, PROGRAM, VARIABLE).source())
    ctx.exit()
