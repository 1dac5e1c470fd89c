"""`heliograph keys`: make, list and delete the keys that callers sign in with, on the server's own machine."""

import json
import os
from pathlib import Path
from typing import Final

import click

from heliograph.cli.anywhere import DEFAULT_SERVER, HELIOGRAPH, server_group
from heliograph.cli.api_client import ApiClient, Json, web_address_of
from heliograph.cli.command_tree import AnywhereOption, option
from heliograph.cli.exit_codes import ExitCode
from heliograph.cli.failure import Failure
from heliograph.cli.new_file import new_private_file
from heliograph.cli.options import AS_JSON, DEFAULT_DATA_DIR, PATH
from heliograph.cli.output import print_json, print_table, short_time
from heliograph.domain.access import Role
from heliograph.storage.operator_file import NAME, read_operator_file

KEYS: Final = "/heliograph/v1/keys"
BITS: Final = 2_048
AUTH_URI: Final = "https://accounts.google.com/o/oauth2/auth"
"""The same in every key file; no client uses it for a service account."""

DATA_DIR = option(
    "--data-dir",
    type=PATH,
    show_default=f"{DEFAULT_DATA_DIR}, if used",
    help="Data directory of the `heliograph serve` that runs on this machine.",
)
SERVER = option(
    "--server",
    cls=AnywhereOption,
    metavar="URL",
    show_default=f"HELIOGRAPH_SERVER, or {DEFAULT_SERVER}, where no server has its data here",
    help="Address that clients use; it goes into the key file. Without a data directory: the sandbox to ask.",
)

app = server_group("keys", "Make, list and delete the keys that callers sign in with.")


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
    type=click.Choice([role.value for role in Role]),
    required=True,
    help="An admin may do everything in its enterprises, a viewer may get and list.",
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
@option("--without-approval", is_flag=True, help="Make it whatever the approval rules demand, if no one is left who may approve it.")
@DATA_DIR
@SERVER
def create(  # noqa: PLR0913 - one option each
    *, enterprise: tuple[str, ...], role: str, out: Path, name: str, person: str, without_approval: bool, data_dir: Path | None,
    server: str | None,
) -> None:  # fmt: skip
    """Write a service-account key file that Google's clients take as it is.

    The private key is made here and stays in the file; the server keeps the public key. An enterprise that an admin's key names
    and that does not exist yet is made.
    """
    address = web_address_of(server) if server is not None else None
    private_key, public_key = _new_key()
    enterprises = [given.removeprefix("enterprises/") for given in enterprise]
    wanted: Json = {"publicKey": public_key, "enterprises": enterprises, "role": role, "account": name, "person": person}
    if without_approval:
        wanted["withoutApproval"] = True
    client = _client(data_dir, server)
    # The file first: otherwise a key without a private half could stay in the server's list for ever.
    with new_private_file(out) as file:
        key: Json = json.loads(client.post(KEYS, json.dumps(wanted).encode()))
        for_clients = address.origin + address.rest if address is not None else client.server
        file.write((json.dumps(_key_file(key, private_key, for_clients), indent=2) + "\n").encode())
    where = "every enterprise" if "*" in enterprises else ", ".join(f"enterprises/{given}" for given in enterprises)
    click.echo(f"{out}: {click.style(key['clientEmail'], bold=True)}, {role} of {where}.")


@app.command("list")
@DATA_DIR
@SERVER
@AS_JSON
def list_keys(*, data_dir: Path | None, server: str | None, as_json: bool) -> None:
    """List the keys."""
    body = _client(data_dir, server).get(KEYS)
    if as_json:
        return print_json(body)
    rows = [
        [key["keyId"], key["clientEmail"], key["role"], key["person"] or "-", ", ".join(key["enterprises"]), short_time(key["createTime"])]
        for key in json.loads(body)["keys"]
    ]
    return print_table(
        ("KEY", "CLIENT E-MAIL", "ROLE", "PERSON", "ENTERPRISES", "MADE"), rows, empty="No keys yet: heliograph keys create."
    )


@app.command("delete")
@click.argument("key", metavar="KEY", help="A key's id (private_key_id in its file).")
@DATA_DIR
@SERVER
def delete(key: str, *, data_dir: Path | None, server: str | None) -> None:
    """Delete a key. From then on, the server refuses it and every token made with it."""
    _client(data_dir, server).delete(f"{KEYS}/{key}")
    click.echo(f"{key} is deleted.")


def _client(data_dir: Path | None, server: str | None) -> ApiClient:
    """A client of the server that runs on the data directory, or of the sandbox at the address.  Raises: Failure."""
    if data_dir is None and (server is not None or not (DEFAULT_DATA_DIR / NAME).exists()):
        return ApiClient(server or os.environ.get("HELIOGRAPH_SERVER") or DEFAULT_SERVER)
    try:
        found = read_operator_file(data_dir or DEFAULT_DATA_DIR)
    except OSError as error:
        raise Failure(ExitCode.NOT_PERMITTED, f"Cannot read {error.filename}: {error.strerror}. Run this as the server's user.") from None
    return ApiClient(found.url, bearer=lambda: found.secret)


def _new_key() -> tuple[str, str]:
    """A private key and its public half, in PEM."""
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415 - no other command needs it
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat  # noqa: PLC0415

    key = rsa.generate_private_key(public_exponent=65_537, key_size=BITS)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private.decode(), key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _key_file(key: Json, private_key: str, server: str) -> Json:
    """The file as Google writes it, and what our own command line reads in it besides."""
    return {
        "type": "service_account",
        "project_id": key["projectId"],
        "private_key_id": key["keyId"],
        "private_key": private_key,
        "client_email": key["clientEmail"],
        "client_id": key["clientId"],
        "auth_uri": AUTH_URI,
        "token_uri": f"{server.rstrip('/')}/token",
        "universe_domain": "googleapis.com",
        HELIOGRAPH: {"server": server, **({"enterprise": key["enterprises"][0]} if key["enterprises"] != ["*"] else {})},
    }
