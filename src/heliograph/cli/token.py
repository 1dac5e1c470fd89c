"""`heliograph token`: an access token for programs that cannot sign in with a key file, such as curl."""

import click

from heliograph.cli.anywhere import KEY, KEY_FILE
from heliograph.cli.command_tree import command
from heliograph.cli.exit_codes import ExitCode
from heliograph.cli.failure import Failure


@command("token")
@KEY
def token() -> None:
    """Print an access token, valid for an hour, as in curl -H "Authorization: Bearer $(heliograph token --key key.json)"."""
    from heliograph.cli.key_file import bearer_of  # noqa: PLC0415 - loads the domain

    key = KEY_FILE.get()
    if key is None:
        raise Failure(ExitCode.INVALID, "Which key? Give --key FILE or set HELIOGRAPH_KEY; heliograph keys create makes a key file.")
    click.echo(bearer_of(key)())
