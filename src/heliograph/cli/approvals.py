"""`heliograph approvals`: what waits for a second person, and that person's word."""

import json

import click

from heliograph.cli.anywhere import ENTERPRISE, SERVER, server_group
from heliograph.cli.api_client import ApiClient
from heliograph.cli.bodies import HELP, read_body
from heliograph.cli.command_tree import option, together
from heliograph.cli.confirming import YES, confirm
from heliograph.cli.options import AS_JSON, approval_name, client_of, enterprise_name
from heliograph.cli.output import Json, local_time, print_field, print_json, print_list, print_paragraph
from heliograph.domain.names import ApprovalName

APPROVAL_HELP = "An approval's id, or enterprises/…/approvals/…."
APPROVAL = click.argument("approval", metavar="APPROVAL", help=APPROVAL_HELP)
REASON = option("--reason", default="", show_default=False, metavar="TEXT", help="Why, for the one who asked.")
COLUMNS = ("APPROVAL", "STATE", "WHAT", "DEVICES", "ASKED BY", "UNTIL")
FEW = 3
"""Devices that are named in a question; of more it says how many."""
_on_a_server = together(ENTERPRISE, SERVER, AS_JSON)

app = server_group("approvals", "List, show, approve, decline and call off what needs a second person; see and set the rules.")


@app.command("list")
@_on_a_server
def list_approvals(*, enterprise: str, server: str, as_json: bool) -> None:
    """List the approvals of an enterprise, those that wait and those that are over."""
    path, empty = (
        f"/heliograph/v1/{enterprise_name(enterprise)}/approvals",
        "Nothing was ever held back. Rules: heliograph approvals rules.",
    )
    print_list(client_of(server), path, COLUMNS, _row, empty=empty, as_json=as_json)


@app.command("show")
@APPROVAL
@_on_a_server
def show_approval(approval: str, *, enterprise: str, server: str, as_json: bool) -> None:
    """Show exactly what an approval is of, and who may give it."""
    found = client_of(server).get(_path(approval_name(approval, enterprise)))
    _print(found, as_json=as_json)


@app.command("approve")
@click.argument("approvals", nargs=-1, required=True, metavar="APPROVAL…", help=APPROVAL_HELP)
@YES
@_on_a_server
def approve(approvals: tuple[str, ...], *, yes: bool, enterprise: str, server: str, as_json: bool) -> None:
    """Approve what others asked for. It is shown first, and happens at once; your own needs another person."""
    client = client_of(server)
    names = [approval_name(approval, enterprise) for approval in approvals]
    asked = [json.loads(client.get(_path(name))) for name in names]
    confirm("\n".join(map(_sentence, asked)) + "\nThis will happen.", yes=yes)
    for name, seen in zip(names, asked, strict=True):
        _decide(client, name, "approve", {"digest": seen["digest"]}, as_json=as_json)


@app.command("decline")
@APPROVAL
@REASON
@_on_a_server
def decline(approval: str, *, reason: str, enterprise: str, server: str, as_json: bool) -> None:
    """Decline what another person asked for. It does not happen, and they see why."""
    _decide(client_of(server), approval_name(approval, enterprise), "decline", {"reason": reason}, as_json=as_json)


@app.command("call-off")
@APPROVAL
@REASON
@_on_a_server
def call_off(approval: str, *, reason: str, enterprise: str, server: str, as_json: bool) -> None:
    """Call something off, approved or not, your own too, unless its phone has begun."""
    _decide(client_of(server), approval_name(approval, enterprise), "callOff", {"reason": reason}, as_json=as_json)


@app.command("link")
@APPROVAL
@_on_a_server
def create_link(approval: str, *, enterprise: str, server: str, as_json: bool) -> None:
    """Print the address of a page on which you decide in a browser. Anyone who has it decides in your name."""
    answer = client_of(server).post(f"{_path(approval_name(approval, enterprise))}:createLink")
    if as_json:
        return print_json(answer)
    link = json.loads(answer)
    return click.echo(f"{link['url']}\nIt is valid once, until {local_time(link['expireTime'])}.")


@app.command("rules")
@_on_a_server
def show_rules(*, enterprise: str, server: str, as_json: bool) -> None:
    """Show what needs a second person in an enterprise."""
    _print_rules(client_of(server).get(_rules_path(enterprise)), as_json=as_json)


@app.command("set-rules")
@option("--body", required=True, metavar="JSON", help=f'All the rules, as in {{"rules": [{{"commandTypes": ["WIPE"]}}]}}: {HELP}')
@YES
@_on_a_server
def set_rules(*, body: str, yes: bool, enterprise: str, server: str, as_json: bool) -> None:
    """Set what needs a second person. Once there are rules, changing them needs one, too."""
    confirm(f"The approval rules of {enterprise_name(enterprise)} will be replaced.", yes=yes)
    _print_rules(client_of(server).patch(_rules_path(enterprise), read_body(body)), as_json=as_json)


def _path(name: ApprovalName) -> str:
    return f"/heliograph/v1/{name}"


def _rules_path(enterprise: str) -> str:
    return f"/heliograph/v1/{enterprise_name(enterprise)}/approvalRules"


def _decide(client: ApiClient, name: ApprovalName, verb: str, body: Json, *, as_json: bool) -> None:
    answer = client.post(f"{_path(name)}:{verb}", json.dumps(body).encode())
    if as_json:
        return print_json(answer)
    now = json.loads(answer)
    click.echo(f"{click.style(now['name'], bold=True)} is {now['state']}.")
    if now.get("whyStuck"):
        print_paragraph(now["whyStuck"])
    return None


def _sentence(approval: Json) -> str:
    """What will happen, in one line."""
    devices = approval.get("devices", ())
    on = ", ".join(devices) if 0 < len(devices) <= FEW else f"{approval.get('deviceCount', 0)} devices"
    params = f" {approval['params']}" if approval.get("params", "{}") != "{}" else ""
    return f"{approval['what']}{params} on {on if devices else approval['target']}, asked by {approval['askedBy']}."


def _print(body: bytes, *, as_json: bool) -> None:
    if as_json:
        return print_json(body)
    approval = json.loads(body)
    click.echo(f"{click.style(approval['name'], bold=True)} is {approval['state']}.")
    fields = {
        "what": approval["what"],
        "on": approval["target"],
        "params": approval.get("params", ""),
        "asked by": approval["askedBy"],
        "asked": local_time(approval["createTime"]),
        "until": local_time(approval["expireTime"]),
        "approved by": ", ".join(vote["actor"] for vote in approval.get("approvals", ())),
        "decided by": approval.get("decidedBy", ""),
        "reason": approval.get("reason", ""),
        "starts": local_time(approval["startTime"]) if approval.get("startTime") else "",
        "digest": approval["digest"],
    }
    for label, text in fields.items():
        if text:
            print_field(label, text)
    for device in approval.get("devices", ()):
        print_field("device", device)
    if approval.get("whyStuck"):
        print_paragraph(approval["whyStuck"])
    return None


def _print_rules(body: bytes, *, as_json: bool) -> None:
    rules = json.loads(body).get("rules", ())
    if as_json or rules:
        return print_json(body)
    return click.echo("Nothing needs a second person.")


def _row(approval: Json) -> list[str]:
    return [
        approval["name"].rpartition("/")[2],
        approval["state"],
        approval["what"],
        ", ".join(device.rpartition("/")[2] for device in approval.get("devices", ())[:FEW]) or str(approval.get("deviceCount", 0)),
        approval["askedBy"],
        local_time(approval["expireTime"]),
    ]
