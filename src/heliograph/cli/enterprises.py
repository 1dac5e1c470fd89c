"""`heliograph enterprises`: list, make, show and delete the enterprises of a server."""

import json

import click

from heliograph.cli.anywhere import SERVER, server_group
from heliograph.cli.bodies import HELP, read_body
from heliograph.cli.command_tree import option
from heliograph.cli.confirming import YES, confirm
from heliograph.cli.options import AS_JSON, client_of, enterprise_name
from heliograph.cli.output import print_highlighted, print_json, print_pages, print_table

PAGE_SIZE = 100
ENTERPRISE = click.argument("enterprise", metavar="ENTERPRISE", help="An enterprise's id, or enterprises/….")

app = server_group("enterprises", "List, create, show and delete enterprises.")


@app.command("list")
@SERVER
@AS_JSON
def list_enterprises(*, server: str, as_json: bool) -> None:
    """List the enterprises that you may see."""
    # Google asks for a project here, as it has many; a Heliograph server is one project.
    pages = list(client_of(server).pages("/v1/enterprises", {"pageSize": PAGE_SIZE}))
    if as_json:
        return print_pages(pages, "enterprises")
    listed = [enterprise for page in pages for enterprise in json.loads(page).get("enterprises", ())]
    rows = [[enterprise["name"].partition("/")[2], enterprise.get("enterpriseDisplayName", "")] for enterprise in listed]
    return print_table(("ENTERPRISE", "DISPLAY NAME"), rows, empty="No enterprise yet: heliograph enterprises create.")


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
    body = client_of(server).get(f"/v1/{enterprise_name(enterprise)}")
    return print_json(body) if as_json else print_highlighted(body)


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
