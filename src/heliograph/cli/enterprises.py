"""`heliograph enterprises`: list, make, show and delete the enterprises of a server."""

import json

import click

from heliograph.cli.anywhere import SERVER, server_group
from heliograph.cli.bodies import HELP, read_body
from heliograph.cli.command_tree import option
from heliograph.cli.confirming import YES, confirm
from heliograph.cli.options import AS_JSON, client_of, enterprise_name
from heliograph.cli.output import Json, print_json, print_list, print_resource

ENTERPRISE = click.argument("enterprise", metavar="ENTERPRISE", help="An enterprise's id, or enterprises/….")

app = server_group("enterprises", "List, create, show and delete enterprises.")


@app.command("list")
@SERVER
@AS_JSON
def list_enterprises(*, server: str, as_json: bool) -> None:
    """List the enterprises that you may see."""
    # Google asks for a project here, as it has many; a Heliograph server is one project.
    empty = "No enterprise yet: heliograph enterprises create."
    print_list(client_of(server), "/v1/enterprises", ("ENTERPRISE", "DISPLAY NAME"), _row, empty=empty, as_json=as_json)


@app.command("create")
@option("--display-name", default="", show_default=False, metavar="TEXT", help="Name shown to users.")
@option("--body", default="", show_default=False, metavar="JSON", help=f"The whole Enterprise, instead of --display-name: {HELP}")
@option("--agreement-accepted", is_flag=True, help="Confirm that the enterprise accepted the managed Google Play agreement, as AMAPI asks.")
@SERVER
@AS_JSON
def create_enterprise(*, display_name: str, body: str, agreement_accepted: bool, server: str, as_json: bool) -> None:
    """Make an enterprise; the server chooses its id."""
    content = read_body(body) if body else json.dumps({"enterpriseDisplayName": display_name}).encode()
    made = client_of(server).post("/v1/enterprises", content, {"agreementAccepted": "true"} if agreement_accepted else {})
    return print_json(made) if as_json else click.echo(f"{click.style(json.loads(made)['name'], bold=True)} is created.")


@app.command("get")
@ENTERPRISE
@SERVER
@AS_JSON
def get_enterprise(enterprise: str, *, server: str, as_json: bool) -> None:
    """Show one enterprise in full."""
    print_resource(client_of(server).get(f"/v1/{enterprise_name(enterprise)}"), as_json=as_json)


@app.command("delete")
@ENTERPRISE
@YES
@SERVER
def delete_enterprise(enterprise: str, *, yes: bool, server: str) -> None:
    """Delete an enterprise with its devices, policies and tokens. Company-owned phones wipe themselves when they next connect."""
    name = enterprise_name(enterprise)
    client = client_of(server)
    client.get(f"/v1/{name}")
    confirm(f"{name} will be deleted with all its devices, policies and tokens.", yes=yes)
    client.delete(f"/v1/{name}")
    click.echo(f"{name} is deleted.")


def _row(enterprise: Json) -> list[str]:
    return [enterprise["name"].partition("/")[2], enterprise.get("enterpriseDisplayName", "")]
