"""`heliograph people`: invite, list, sign out and remove the people who sign in with a browser, on the server's own machine."""

import json
from pathlib import Path
from typing import Final
from urllib.parse import quote

import click

from heliograph.cli.anywhere import server_group
from heliograph.cli.api_client import ApiClient
from heliograph.cli.command_tree import AnywhereOption, option
from heliograph.cli.exit_codes import ExitCode
from heliograph.cli.failure import Failure
from heliograph.cli.options import AS_JSON, DEFAULT_DATA_DIR, PATH
from heliograph.cli.output import print_json, print_table, short_time
from heliograph.domain.access import EVERY_ENTERPRISE
from heliograph.storage.operator_file import read_operator_file

PEOPLE: Final = "/heliograph/v1/people"

DATA_DIR = option(
    "--data-dir",
    type=PATH,
    default=DEFAULT_DATA_DIR,
    help="Data directory of the `heliograph serve` that runs on this machine.",
)

app = server_group("people", "Invite, list, sign out and remove the people who sign in with a browser.")


@app.command("invite")
@click.argument("email", help="E-mail address, or a name without spaces.")
@option(
    "--enterprise",
    cls=AnywhereOption,
    multiple=True,
    default=(EVERY_ENTERPRISE,),
    show_default="all of them",
    metavar="ID",
    help="Enterprise that the person works in; may be given several times.",
)
@option(
    "--role",
    metavar="ROLE",
    required=True,
    help="viewer gets and lists, operator does everything but what is destructive, admin everything; or one of heliograph roles.",
)
@DATA_DIR
def invite(*, email: str, enterprise: tuple[str, ...], role: str, data_dir: Path) -> None:
    """Print a link with which one person makes a passkey, once, within a day.

    The person has this role from then on. Another link for someone who has a passkey adds one, as for a new device.
    """
    enterprises = [given.removeprefix("enterprises/") for given in enterprise]
    wanted = {"person": email, "role": role, "enterprises": enterprises}
    invited = json.loads(_client(data_dir).post(f"{PEOPLE}:invite", json.dumps(wanted).encode()))
    click.echo(f"For {invited['person']}, {role}. This link works once, within a day:")
    click.echo(f"  {invited['url']}")


@app.command("list")
@DATA_DIR
@AS_JSON
def list_people(*, data_dir: Path, as_json: bool) -> None:
    """List the people and the open invitations."""
    body = _client(data_dir).get(PEOPLE)
    if as_json:
        return print_json(body)
    found = json.loads(body)
    rows = [
        [
            one["person"], one["role"] or "by group", ", ".join(one["enterprises"]), str(one["passkeys"]), str(one["sessions"]),
            short_time(one["lastUseTime"]) if one["lastUseTime"] else "",
        ]
        for one in found["people"]
    ]  # fmt: skip
    rows += [[one["person"], one["role"], ", ".join(one["enterprises"]), "invited", "", ""] for one in found["invitations"]]
    columns = ("PERSON", "ROLE", "ENTERPRISES", "PASSKEYS", "SESSIONS", "LAST USE")
    return print_table(columns, rows, empty="No people yet: heliograph people invite.")


@app.command("remove")
@click.argument("person", help="As `heliograph people list` shows it.")
@DATA_DIR
def remove(*, person: str, data_dir: Path) -> None:
    """Remove a person with all passkeys, sessions and open invitations, at once.

    Someone whom an identity provider lets in can sign in again: take them out of its groups first.
    """
    _client(data_dir).delete(f"{PEOPLE}/{quote(person, safe='')}")
    click.echo(f"{person} is removed.")


@app.command("sign-out")
@click.argument("person", help="As `heliograph people list` shows it.")
@DATA_DIR
def sign_out(*, person: str, data_dir: Path) -> None:
    """End all sessions of a person, at every server. They can sign in again."""
    _client(data_dir).post(f"{PEOPLE}/{quote(person, safe='')}:signOut", b"{}")
    click.echo(f"{person} is signed out everywhere.")


def _client(data_dir: Path) -> ApiClient:
    """A client of the server that runs on the data directory.  Raises: Failure, NoServerRuns."""
    try:
        found = read_operator_file(data_dir)
    except OSError as error:
        raise Failure(ExitCode.NOT_PERMITTED, f"Cannot read {error.filename}: {error.strerror}. Run this as the server's user.") from None
    return ApiClient(found.url, bearer=lambda: found.secret)
