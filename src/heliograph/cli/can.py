"""`heliograph can`: why someone may do something, or not."""

import json
from pathlib import Path
from typing import Final

import click

from heliograph.cli.anywhere import ENTERPRISE
from heliograph.cli.command_tree import command
from heliograph.cli.desk import DATA_DIR, SERVER, desk_client
from heliograph.cli.exit_codes import ExitCode
from heliograph.cli.options import AS_JSON, device_name, enterprise_name
from heliograph.cli.output import print_field, print_json
from heliograph.domain.access_words import access_in_words

EXPLAIN: Final = "/heliograph/v1/access:explain"
COLOURS: Final = {"yes": "green", "no": "red"}


@command("can")
@click.argument("who", metavar="WHO", help="A key's id, account:CLIENT_EMAIL, person:EMAIL, or group:NAME.")
@click.argument("what", metavar="TYPE|METHOD", help="A type of command, or a method's id or the end of one, as in devices.delete.")
@click.argument("device", metavar="DEVICE", required=False, help="A device id, or enterprises/…/devices/…; none: the enterprise.")
@ENTERPRISE
@DATA_DIR
@SERVER
@AS_JSON
def can(  # noqa: PLR0913 - one option each
    who: str, what: str, device: str | None, *, enterprise: str, data_dir: Path | None, server: str | None, as_json: bool
) -> None:
    """Explain whether someone may issue a command or call a method, by which line of which role.

    The exit code is 0 if they may, and 4 if not.
    """
    where = str(device_name(device, enterprise) if device is not None else enterprise_name(enterprise))
    body = desk_client(data_dir, server).get(EXPLAIN, {"who": who, "what": what, "where": where})
    found = json.loads(body)
    if as_json:
        print_json(body)
    else:
        _print(found, where)
    if not found["allowed"]:
        raise click.exceptions.Exit(ExitCode.NOT_PERMITTED)


def _print(found: dict[str, object], where: str) -> None:
    for label, text in access_in_words(found, where):
        print_field(label, text, colour=COLOURS.get(text, "") if label == "allowed" else "")
