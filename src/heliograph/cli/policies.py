"""`heliograph policies`: list, show, set and delete an enterprise's policies."""

import json

import click

from heliograph.cli.anywhere import ENTERPRISE, SERVER, server_group
from heliograph.cli.bodies import HELP, read_body
from heliograph.cli.command_tree import option
from heliograph.cli.options import AS_JSON, client_of, enterprise_name, policy_name
from heliograph.cli.output import Json, print_json, print_list, print_resource

POLICY = click.argument("policy", metavar="POLICY", help="A policy's id, or enterprises/…/policies/….")

app = server_group("policies", "List, show, set and delete policies.")


@app.command("list")
@ENTERPRISE
@SERVER
@AS_JSON
def list_policies(*, enterprise: str, server: str, as_json: bool) -> None:
    """List the policies of an enterprise."""
    path, empty = f"/v1/{enterprise_name(enterprise)}/policies", "No policy yet: heliograph policies set."
    print_list(client_of(server), path, ("POLICY", "VERSION", "SETS"), _row, empty=empty, as_json=as_json)


@app.command("get")
@POLICY
@ENTERPRISE
@SERVER
@AS_JSON
def get_policy(policy: str, *, enterprise: str, server: str, as_json: bool) -> None:
    """Show one policy in full."""
    print_resource(client_of(server).get(f"/v1/{policy_name(policy, enterprise)}"), as_json=as_json)


@app.command("set")
@POLICY
@option("--body", required=True, metavar="JSON", help=f"The Policy: {HELP}")
@option(
    "--update-mask",
    default="",
    show_default=False,
    metavar="FIELDS",
    help="Change only these fields, as in cameraDisabled.",
)
@ENTERPRISE
@SERVER
@AS_JSON
def set_policy(policy: str, *, body: str, update_mask: str, enterprise: str, server: str, as_json: bool) -> None:
    """Make a policy, or replace it; its devices hear of it at once."""
    query = {"updateMask": update_mask}
    answer = client_of(server).patch(f"/v1/{policy_name(policy, enterprise)}", read_body(body), query)
    if as_json:
        return print_json(answer)
    policy_now = json.loads(answer)
    return click.echo(f"{click.style(policy_now['name'], bold=True)} is version {policy_now.get('version', '1')}.")


@app.command("delete")
@POLICY
@ENTERPRISE
@SERVER
def delete_policy(policy: str, *, enterprise: str, server: str) -> None:
    """Delete a policy. The server refuses it while devices have the policy."""
    name = policy_name(policy, enterprise)
    client_of(server).delete(f"/v1/{name}")
    click.echo(f"{name} is deleted.")


def _row(policy: Json) -> list[str]:
    rules = [field for field in policy if field not in {"name", "version"}]
    return [policy["name"].rpartition("/")[2], policy.get("version", ""), ", ".join(rules)]
