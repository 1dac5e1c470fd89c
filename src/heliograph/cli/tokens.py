"""`heliograph tokens`: make, list and delete the tokens that devices enrol with."""

import json
from typing import Unpack

import click

from heliograph.cli.anywhere import ENTERPRISE, SERVER, server_group
from heliograph.cli.api_client import Json
from heliograph.cli.command_tree import option
from heliograph.cli.durations import DURATION, METAVAR
from heliograph.cli.options import AS_JSON, client_of, enterprise_name, policy_name, token_name
from heliograph.cli.output import local_time, print_field, print_json, print_list, print_object
from heliograph.cli.qr import QrOptions, png_of, qr_options, show, wifi_of
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
@qr_options
@ENTERPRISE
@SERVER
@AS_JSON
def create_token(  # noqa: PLR0913 - one option each
    *, policy: str, duration: str | None, one_time: bool, personal_usage: str | None, additional_data: str, enterprise: str, server: str,
    as_json: bool, **qr: Unpack[QrOptions],
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
    wifi = wifi_of(qr)
    with png_of(qr) as write_png:
        made = client_of(server).post(f"/v1/{enterprise_name(enterprise)}/enrollmentTokens", json.dumps(wanted).encode())
        token: Json = json.loads(made)
        code = token["qrCode"]
        if wifi is not None:
            token["qrCode"] = code = wifi.added_to(code)
        write_png(code)
    if as_json:
        return print_json(made) if wifi is None else print_object(token)
    print_field("token", token["name"])
    print_field("value", token["value"])
    print_field("expires", local_time(token["expirationTimestamp"]))
    return show(code, qr)


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
