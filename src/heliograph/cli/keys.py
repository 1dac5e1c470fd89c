"""`heliograph keys`: make, list, change, rotate and delete the keys that callers sign in with, on the server's own machine."""

import json
from pathlib import Path
from typing import Final

import click

from heliograph.cli.anywhere import DEFAULT_SERVER, server_group
from heliograph.cli.api_client import Json, web_address_of
from heliograph.cli.command_tree import AnywhereOption, option
from heliograph.cli.desk import DATA_DIR, SERVER, desk_client
from heliograph.cli.durations import DURATION, METAVAR
from heliograph.cli.new_file import new_private_file
from heliograph.cli.options import AS_JSON, PATH
from heliograph.cli.output import local_time, print_json, print_table, short_time
from heliograph.service.key_files import key_file, new_key_pair

KEYS: Final = "/heliograph/v1/keys"
UNLIMITED: Final = "unlimited"


class BlastRadiusType(click.ParamType[int]):
    """A number of devices, or `unlimited`, which is 0."""

    name = "devices"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Raises: click.BadParameter."""
        if value == UNLIMITED:
            return 0
        if not str(value).isdecimal() or not int(value):
            self.fail(f"{value!r} is not a number of devices: write one such as 10, or {UNLIMITED}.", param, ctx)
        return int(value)


KEY_SERVER = option(
    "--server",
    cls=AnywhereOption,
    metavar="URL",
    show_default=f"HELIOGRAPH_SERVER, or {DEFAULT_SERVER}, where no server has its data here",
    help="Address that clients use; it goes into the key file. Without a data directory: the sandbox to ask.",
)
EXPIRES = option("--expires", type=DURATION, metavar=METAVAR, show_default="never", help="When the key ends, from now, as in 90d.")
BLAST_RADIUS = option(
    "--blast-radius",
    type=BlastRadiusType(),
    metavar="DEVICES",
    show_default="of new keys as serve --limit blast-radius says, 10",
    help=f"Distinct devices that its actor may wipe, relinquish or delete in an hour, or {UNLIMITED}.",
)

KEY = click.argument("key", metavar="KEY", help="A key's id (private_key_id in its file).")

app = server_group("keys", "Make, list, change, rotate and delete the keys that callers sign in with.")


@app.command("create")
@option(
    "--enterprise",
    cls=AnywhereOption,
    multiple=True,
    required=True,
    metavar="ID",
    help="Enterprise that the key is for; may be given several times. '*': all of them.",
)
@option(
    "--role",
    metavar="ROLE",
    required=True,
    help="viewer gets and lists, operator does everything but what is destructive, admin everything; or one of heliograph roles.",
)
@option("--out", type=PATH, required=True, metavar="FILE", help="File to write the key to. An existing file is never overwritten.")
@option(
    "--name",
    default="",
    show_default="made of role and key",
    metavar="NAME",
    help="Who it is for: the part of client_email before the @.",
)
@option(
    "--person",
    default="",
    show_default="none",
    metavar="WHO",
    help="Human behind the key: an e-mail address or an OIDC subject. All keys of one person count as one actor.",
)
@EXPIRES
@BLAST_RADIUS
@option("--without-approval", is_flag=True, help="Make it whatever the approval rules demand, if no one is left who may approve it.")
@DATA_DIR
@KEY_SERVER
def create(  # noqa: PLR0913 - one option each
    *, enterprise: tuple[str, ...], role: str, out: Path, name: str, person: str, expires: str | None, blast_radius: int | None,
    without_approval: bool, data_dir: Path | None, server: str | None,
) -> None:  # fmt: skip
    """Write a service-account key file that Google's clients take as it is.

    The private key is made here and stays in the file; the server keeps the public key. An enterprise that an admin's key names
    and that does not exist yet is made.
    """
    address = web_address_of(server) if server is not None else None
    private_key, public_key = new_key_pair()
    enterprises = [given.removeprefix("enterprises/") for given in enterprise]
    wanted: Json = {"publicKey": public_key, "enterprises": enterprises, "role": role, "account": name, "person": person}
    if without_approval:
        wanted["withoutApproval"] = True
    client = desk_client(data_dir, server)
    # The file first: otherwise a key without a private half could stay in the server's list for ever.
    with new_private_file(out) as file:
        key: Json = json.loads(client.post(KEYS, json.dumps({**wanted, **_limits(expires, blast_radius)}).encode()))
        for_clients = address.origin + address.rest if address is not None else client.server
        file.write((json.dumps(key_file(key, private_key, for_clients), indent=2) + "\n").encode())
    where = "every enterprise" if "*" in enterprises else ", ".join(f"enterprises/{given}" for given in enterprises)
    click.echo(f"{out}: {click.style(key['clientEmail'], bold=True)}, {role} of {where}.")


def _limits(expires: str | None, blast_radius: int | None) -> Json:
    """What the server's messages say of a key's end and blast radius."""
    radius: Json = {} if blast_radius is None else {"blastRadius": blast_radius} if blast_radius else {"unlimitedBlastRadius": True}
    return {**({"ttl": expires} if expires else {}), **radius}


@app.command("list")
@DATA_DIR
@SERVER
@AS_JSON
def list_keys(*, data_dir: Path | None, server: str | None, as_json: bool) -> None:
    """List the keys."""
    body = desk_client(data_dir, server).get(KEYS)
    if as_json:
        return print_json(body)
    columns = ("KEY", "CLIENT E-MAIL", "ROLE", "PERSON", "ENTERPRISES", "MADE", "LAST USED", "ENDS", "BLAST RADIUS")
    return print_table(columns, map(_row, json.loads(body)["keys"]), empty="No keys yet: heliograph keys create.")


def _row(key: Json) -> list[str]:
    return [
        key["keyId"],
        key["clientEmail"],
        key["role"],
        key["person"] or "-",
        ", ".join(key["enterprises"]),
        short_time(key["createTime"]),
        short_time(key["lastUseTime"]) if "lastUseTime" in key else "never",
        short_time(key["expireTime"]) if "expireTime" in key else "never",
        str(key.get("blastRadius", UNLIMITED)),
    ]


@app.command("update")
@KEY
@option("--role", default="", metavar="ROLE", show_default="unchanged", help="Role that it has from now on.")
@option("--person", default="", metavar="WHO", show_default="unchanged", help="Human behind the key.")
@option("--expires", type=DURATION, metavar=METAVAR, show_default="unchanged", help="When the key ends, from now, as in 90d.")
@option("--no-expiry", is_flag=True, help="The key no longer ends by itself.")
@BLAST_RADIUS
@DATA_DIR
@SERVER
def update(  # noqa: PLR0913 - one option each
    key: str, *, role: str, person: str, expires: str | None, no_expiry: bool, blast_radius: int | None, data_dir: Path | None,
    server: str | None,
) -> None:  # fmt: skip
    """Change what a key may do, without another file. It holds within a second, at every server."""
    wanted: Json = {"role": role, "person": person, "noExpiry": no_expiry, **_limits(expires, blast_radius)}
    changed: Json = json.loads(desk_client(data_dir, server).patch(f"{KEYS}/{key}", json.dumps(wanted).encode()))
    ends = f"ends {local_time(changed['expireTime'])}" if "expireTime" in changed else "does not end"
    click.echo(f"{key} has the role {changed['role']}, {ends}, blast radius {changed.get('blastRadius', UNLIMITED)}.")


@app.command("rotate")
@KEY
@option("--out", type=PATH, required=True, metavar="FILE", help="File to write the new key to. An existing file is never overwritten.")
@option("--overlap", type=DURATION, default="1d", metavar=METAVAR, help="How long the old key still works; 0s: not at all.")
@EXPIRES
@DATA_DIR
@KEY_SERVER
def rotate(key: str, *, out: Path, overlap: str, expires: str | None, data_dir: Path | None, server: str | None) -> None:
    """Make another key for the same account, with the same rights. The old one ends after an overlap."""
    address = web_address_of(server) if server is not None else None
    private_key, public_key = new_key_pair()
    client = desk_client(data_dir, server)
    wanted = {"publicKey": public_key, "overlap": overlap, **_limits(expires, None)}
    with new_private_file(out) as file:
        made: Json = json.loads(client.post(f"{KEYS}/{key}:rotate", json.dumps(wanted).encode()))
        for_clients = address.origin + address.rest if address is not None else client.server
        file.write((json.dumps(key_file(made, private_key, for_clients), indent=2) + "\n").encode())
    click.echo(f"{out}: {click.style(made['clientEmail'], bold=True)}. {key} ends in {overlap}.")


@app.command("delete")
@KEY
@DATA_DIR
@SERVER
def delete(key: str, *, data_dir: Path | None, server: str | None) -> None:
    """Delete a key. From then on, the server refuses it and every token made with it."""
    desk_client(data_dir, server).delete(f"{KEYS}/{key}")
    click.echo(f"{key} is deleted.")
