"""`heliograph roles`: what callers may do, as data, and who has which role."""

import json
from pathlib import Path
from typing import Final

import click

from heliograph.cli.anywhere import server_group
from heliograph.cli.bodies import HELP, read_body
from heliograph.cli.command_tree import option
from heliograph.cli.desk import DATA_DIR, SERVER, desk_client
from heliograph.cli.options import AS_JSON
from heliograph.cli.output import Json, print_json, print_object, print_resource, print_table

ROLES: Final = "/heliograph/v1/roles"
BINDINGS: Final = "/heliograph/v1/roleBindings"
METHODS: Final = "/heliograph/v1/access:methods"
WHO_HELP: Final = (
    "account:CLIENT_EMAIL of a key, person:EMAIL, or group:NAME of the identity provider. An e-mail address alone is a person."
)
ROLE = click.argument("role", metavar="ROLE", help="A role's id.")
WHO = click.argument("who", metavar="WHO", help=WHO_HELP)

app = server_group("roles", "List, show, set and delete roles, and bind them to keys, people and groups.")


@app.command("list")
@DATA_DIR
@SERVER
@AS_JSON
def list_roles(*, data_dir: Path | None, server: str | None, as_json: bool) -> None:
    """List the roles, and who has them. What keys were made with stands in heliograph keys list."""
    client = desk_client(data_dir, server)
    roles, bindings = json.loads(client.get(ROLES))["roles"], json.loads(client.get(BINDINGS))["roleBindings"]
    if as_json:
        return print_object({"roles": roles, "roleBindings": bindings})
    rows = [[role["name"], role.get("description", "") or "-", ", ".join(_bound(role, bindings)) or "-"] for role in roles]
    return print_table(("ROLE", "WHAT FOR", "BOUND TO"), rows, empty="")


@app.command("show")
@ROLE
@DATA_DIR
@SERVER
@AS_JSON
def show(role: str, *, data_dir: Path | None, server: str | None, as_json: bool) -> None:
    """Show a role as JSON, ready for heliograph roles set."""
    print_resource(desk_client(data_dir, server).get(f"{ROLES}/{role}"), as_json=as_json)


@app.command("set")
@ROLE
@option("--body", required=True, metavar="JSON", help=f"The role, with its lines in allow: {HELP}")
@DATA_DIR
@SERVER
@AS_JSON
def set_role(role: str, *, body: str, data_dir: Path | None, server: str | None, as_json: bool) -> None:
    """Make a role, or replace it. It holds for everyone who has it within a second.

    A role allows what one of its lines allows, as in {"allow": [{"methods": ["*.get", "*.list"]}, {"methods":
    ["androidmanagement.enterprises.devices.issueCommand"], "commandTypes": ["LOCK", "REBOOT"], "devices": "ownership=COMPANY_OWNED",
    "perHour": 100}]}. See docs/roles.md.
    """
    answer = desk_client(data_dir, server).put(f"{ROLES}/{role}", read_body(body))
    if as_json:
        return print_json(answer)
    lines = len(json.loads(answer)["allow"])
    return click.echo(f"{click.style(role, bold=True)} has {lines} {'line' if lines == 1 else 'lines'}.")


@app.command("delete")
@ROLE
@DATA_DIR
@SERVER
def delete(role: str, *, data_dir: Path | None, server: str | None) -> None:
    """Delete a role that no key was made with and that is bound to no one."""
    desk_client(data_dir, server).delete(f"{ROLES}/{role}")
    click.echo(f"{role} is deleted.")


@app.command("bind")
@WHO
@ROLE
@DATA_DIR
@SERVER
def bind(who: str, role: str, *, data_dir: Path | None, server: str | None) -> None:
    """Give a key's account, a person or a group a role, besides those that they have."""
    bound = json.loads(desk_client(data_dir, server).put(f"{BINDINGS}/{who}/{role}"))
    click.echo(f"{click.style(bound['who'], bold=True)} has the role {role}.")


@app.command("unbind")
@WHO
@ROLE
@DATA_DIR
@SERVER
def unbind(who: str, role: str, *, data_dir: Path | None, server: str | None) -> None:
    """Take a role away that was given by heliograph roles bind."""
    desk_client(data_dir, server).delete(f"{BINDINGS}/{who}/{role}")
    click.echo(f"{who} no longer has the role {role}.")


@app.command("methods")
@DATA_DIR
@SERVER
@AS_JSON
def methods(*, data_dir: Path | None, server: str | None, as_json: bool) -> None:
    """List the methods that a role may name, and which of them are destructive."""
    body = desk_client(data_dir, server).get(METHODS)
    if as_json:
        return print_json(body)
    rows = [[method["id"], "yes" if method["destructive"] else "-"] for method in json.loads(body)["methods"]]
    return print_table(("METHOD", "DESTRUCTIVE"), rows, empty="")


def _bound(role: Json, bindings: list[Json]) -> list[str]:
    return [binding["who"] for binding in bindings if binding["role"] == role["name"]]
