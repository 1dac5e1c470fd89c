"""`heliograph explain`: why something is not done, what happens next, and what to do."""

import json

import click

from heliograph.cli.anywhere import ENTERPRISE, SERVER
from heliograph.cli.command_tree import command
from heliograph.cli.options import AS_JSON, client_of, operation_name
from heliograph.cli.output import print_json, print_paragraph, with_local_times

NAME = click.argument("name", metavar="NAME", help="DEVICE/ID of a command, or the whole name of anything that waits.")
EXPLAINED = ("/approvals/", "/reservations/", "/deadLetters/", "/pushEndpoints/")


@command("explain")
@NAME
@ENTERPRISE
@SERVER
@AS_JSON
def explain(name: str, *, enterprise: str, server: str, as_json: bool) -> None:
    """Say why a command is not done, what happens next, and what to do. Approvals, reservations, dead letters and push endpoints, too."""
    whole = name if any(collection in name for collection in EXPLAINED) else str(operation_name(name, enterprise))
    body = client_of(server).get(f"/heliograph/v1/{whole}:explain")
    if as_json:
        return print_json(body)
    found = json.loads(body)
    for part in ("sentence", "nextEvent", "advice"):
        if text := found.get(part):
            print_paragraph(with_local_times(text))
    return None
