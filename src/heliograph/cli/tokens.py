"""`heliograph tokens`: make, list and delete the tokens that devices enrol with."""

import json
import sys

import click

from heliograph.cli.anywhere import ENTERPRISE, SERVER, server_group
from heliograph.cli.api_client import Json
from heliograph.cli.command_tree import option
from heliograph.cli.durations import DURATION, METAVAR
from heliograph.cli.options import AS_JSON, client_of, enterprise_name, policy_name, token_name
from heliograph.cli.output import local_time, print_field, print_json, print_list
from heliograph.domain.device import AllowPersonalUsage
from heliograph.domain.enrollment import DEFAULT_DURATION

PERSONAL_USAGES = [usage.value for usage in AllowPersonalUsage if usage is not AllowPersonalUsage.ALLOW_PERSONAL_USAGE_UNSPECIFIED]

app = server_group("tokens", "Create, list and delete enrollment tokens.")


@app.command("create")
@option("--policy", default="", show_default="default", metavar="POLICY", help="Policy that devices get when they enrol.")
@option("--duration", type=DURATION, show_default=DEFAULT_DURATION, metavar=METAVAR, help="How long it is valid, as in 10m or 7d.")
@option("--one-time", is_flag=True, help="Let only one device enrol with it.")
@option(
    "--personal-usage",
    type=click.Choice(PERSONAL_USAGES, case_sensitive=False),
    metavar="CHOICE",
    help=f"Whether the device may be used personally: {', '.join(PERSONAL_USAGES)}.",
)
@option("--additional-data", default="", show_default=False, metavar="TEXT", help="Text that devices and notifications carry.")
@option("--qr/--no-qr", default=None, show_default="on a terminal", help="Draw the QR code that a phone scans to enrol.")
@ENTERPRISE
@SERVER
@AS_JSON
def create_token(  # noqa: PLR0913 - one option each
    *, policy: str, duration: str | None, one_time: bool, personal_usage: str | None, additional_data: str, qr: bool | None,
    enterprise: str, server: str, as_json: bool,
) -> None:  # fmt: skip
    """Make an enrollment token, and print its value and its QR code."""
    fields = {
        "policyName": str(policy_name(policy, enterprise)) if policy else "",
        "duration": duration,
        "oneTimeOnly": one_time,
        "allowPersonalUsage": personal_usage,
        "additionalData": additional_data,
    }
    wanted = {name: value for name, value in fields.items() if value}
    made = client_of(server).post(f"/v1/{enterprise_name(enterprise)}/enrollmentTokens", json.dumps(wanted).encode())
    if as_json:
        return print_json(made)
    token: Json = json.loads(made)
    print_field("token", token["name"])
    print_field("value", token["value"])
    print_field("expires", local_time(token["expirationTimestamp"]))
    if qr or (qr is None and sys.stdout.isatty()):
        _draw(token["qrCode"])
    return None


@app.command("list")
@ENTERPRISE
@SERVER
@AS_JSON
def list_tokens(*, enterprise: str, server: str, as_json: bool) -> None:
    """List the enrollment tokens of an enterprise; --json shows their values too."""
    path, empty = f"/v1/{enterprise_name(enterprise)}/enrollmentTokens", "No enrollment token: heliograph tokens create."
    print_list(client_of(server), path, ("TOKEN", "EXPIRES", "PERSONAL USAGE"), _row, empty=empty, as_json=as_json)


@app.command("delete")
@click.argument("token", metavar="TOKEN", help="A token's id, or enterprises/…/enrollmentTokens/….")
@ENTERPRISE
@SERVER
def delete_token(token: str, *, enterprise: str, server: str) -> None:
    """Delete an enrollment token. Devices that enrolled with it stay; no more can."""
    name = token_name(token, enterprise)
    client_of(server).delete(f"/v1/{name}")
    click.echo(f"{name} is deleted.")


def _row(token: Json) -> list[str]:
    return [token["name"].rpartition("/")[2], local_time(token["expirationTimestamp"]), token.get("allowPersonalUsage", "")]


def _draw(text: str) -> None:
    """Draw a QR code, two modules a character: it fits a terminal of 80 columns."""
    import segno  # noqa: PLC0415 - only this command draws

    segno.make_qr(text, error="l").terminal(sys.stdout, compact=True)
