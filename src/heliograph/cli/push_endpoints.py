"""`heliograph notifications endpoints`: where an enterprise's notifications are pushed."""

import json

import click

from heliograph.cli.anywhere import ENTERPRISE, SERVER, server_group
from heliograph.cli.command_tree import option
from heliograph.cli.confirming import YES, confirm
from heliograph.cli.durations import DURATION, METAVAR
from heliograph.cli.options import AS_JSON, client_of, enterprise_name, push_endpoint_name
from heliograph.cli.output import Json, print_field, print_json, print_list, print_resource
from heliograph.domain.enterprise import NotificationType
from heliograph.domain.names import PushEndpointName

COLUMNS = ("ENDPOINT", "STATE", "TYPES", "SIGNED BY", "URL")
TYPES = [kind.value for kind in NotificationType if kind is not NotificationType.NOTIFICATION_TYPE_UNSPECIFIED]
ENDPOINT = click.argument("endpoint", metavar="ENDPOINT", help="A push endpoint's id, or enterprises/…/pushEndpoints/….")

endpoints = server_group("endpoints", "List, create, try out, rotate, enable, disable and delete the push endpoints of an enterprise.")


@endpoints.command("list")
@ENTERPRISE
@SERVER
@AS_JSON
def list_endpoints(*, enterprise: str, server: str, as_json: bool) -> None:
    """List the push endpoints of an enterprise."""
    path, empty = f"/heliograph/v1/{enterprise_name(enterprise)}/pushEndpoints", "No push endpoint yet: … endpoints create URL."
    print_list(client_of(server), path, COLUMNS, _row, empty=empty, as_json=as_json)


@endpoints.command("get")
@ENDPOINT
@ENTERPRISE
@SERVER
@AS_JSON
def get_endpoint(endpoint: str, *, enterprise: str, server: str, as_json: bool) -> None:
    """Show one push endpoint in full."""
    print_resource(client_of(server).get(_path(push_endpoint_name(endpoint, enterprise))), as_json=as_json)


@endpoints.command("create")
@click.argument("url", metavar="URL", help="An https URL, without credentials in it.")
@option("--id", "endpoint_id", default="", show_default="made by the server", metavar="ID", help="Id of the new endpoint.")
@option(
    "--type", "types", multiple=True, type=click.Choice(TYPES), show_default="what the enterprise enabled", metavar="TYPE",
    help="Notification type to push; may be given several times.",
)  # fmt: skip
@option("--oidc-email", default="", show_default="no token", metavar="EMAIL", help="Send a token as Pub/Sub does, with this email in it.")
@option("--oidc-audience", default="", show_default="URL", metavar="TEXT", help="Audience of the token.")
@option(
    "--webhooks", multiple=True, type=click.Choice(("v1", "v1a")), show_default="not signed so", metavar="SCHEME",
    help="Sign by Standard Webhooks: v1 is HMAC with a shared secret, v1a a public key; both may be given.",
)  # fmt: skip
@ENTERPRISE
@SERVER
@AS_JSON
def create_endpoint(  # noqa: PLR0913 - one option each
    url: str, *, endpoint_id: str, types: tuple[str, ...], oidc_email: str, oidc_audience: str, webhooks: tuple[str, ...],
    enterprise: str, server: str, as_json: bool,
) -> None:  # fmt: skip
    """Push notifications to a URL from now on. A secret is shown this once."""
    signing: Json = {}
    if oidc_email or oidc_audience:
        signing["oidc"] = {"serviceAccountEmail": oidc_email, "audience": oidc_audience}
    if webhooks:
        signing["standardWebhooks"] = {"schemes": [scheme.upper() for scheme in webhooks]}
    body: Json = {"url": url, "notificationTypes": types} | ({"signing": signing} if signing else {})
    path = f"/heliograph/v1/{enterprise_name(enterprise)}/pushEndpoints"
    _print(client_of(server).post(path, json.dumps(body).encode(), {"pushEndpointId": endpoint_id}), "is created.", as_json=as_json)


@endpoints.command("test")
@ENDPOINT
@ENTERPRISE
@SERVER
def test_endpoint(endpoint: str, *, enterprise: str, server: str) -> None:
    """Send a test message. It is repeated until the endpoint takes it."""
    name = push_endpoint_name(endpoint, enterprise)
    client_of(server).post(f"{_path(name)}:test")
    click.echo(f"A test message is on its way to {name}.")


@endpoints.command("rotate")
@ENDPOINT
@option("--grace", type=DURATION, default="1d", metavar=METAVAR, help="How long requests are signed with the old secret, too.")
@ENTERPRISE
@SERVER
@AS_JSON
def rotate_secret(endpoint: str, *, grace: str, enterprise: str, server: str, as_json: bool) -> None:
    """Make a new secret for Standard Webhooks, and show it this once."""
    path = f"{_path(push_endpoint_name(endpoint, enterprise))}:rotateSecret"
    answer = client_of(server).post(path, json.dumps({"gracePeriod": grace}).encode())
    _print(answer, "has a new secret.", as_json=as_json)


@endpoints.command("enable")
@ENDPOINT
@ENTERPRISE
@SERVER
@AS_JSON
def enable_endpoint(endpoint: str, *, enterprise: str, server: str, as_json: bool) -> None:
    """Push to an endpoint again. What it missed: heliograph notifications resend."""
    _patch_state(endpoint, "ENABLED", "is enabled.", enterprise=enterprise, server=server, as_json=as_json)


@endpoints.command("disable")
@ENDPOINT
@ENTERPRISE
@SERVER
@AS_JSON
def disable_endpoint(endpoint: str, *, enterprise: str, server: str, as_json: bool) -> None:
    """Push nothing to an endpoint until it is enabled. What waits for it becomes dead letters."""
    _patch_state(endpoint, "DISABLED", "is disabled.", enterprise=enterprise, server=server, as_json=as_json)


@endpoints.command("delete")
@ENDPOINT
@YES
@ENTERPRISE
@SERVER
def delete_endpoint(endpoint: str, *, yes: bool, enterprise: str, server: str) -> None:
    """Delete a push endpoint. What waits for it becomes dead letters."""
    name = push_endpoint_name(endpoint, enterprise)
    client = client_of(server)
    client.get(_path(name))
    confirm(f"{name} will be deleted, with its secret.", yes=yes)
    client.delete(_path(name))
    click.echo(f"{name} is deleted.")


def _path(name: PushEndpointName) -> str:
    return f"/heliograph/v1/{name}"


def _patch_state(endpoint: str, state: str, what: str, *, enterprise: str, server: str, as_json: bool) -> None:
    path = _path(push_endpoint_name(endpoint, enterprise))
    _print(client_of(server).patch(path, json.dumps({"state": state}).encode(), {"updateMask": "state"}), what, as_json=as_json)


def _print(answer: bytes, what: str, *, as_json: bool) -> None:
    if as_json:
        return print_json(answer)
    endpoint = json.loads(answer)
    webhooks = endpoint.get("signing", {}).get("standardWebhooks", {})
    click.echo(f"{click.style(endpoint['name'], bold=True)} {what}")
    for label, field in (("secret", "secret"), ("public key", "publicKey")):
        if field in webhooks:
            print_field(label, webhooks[field])
    return None


def _row(endpoint: Json) -> list[str]:
    signing = endpoint.get("signing", {})
    signed = [*(["token"] if "oidc" in signing else []), *map(str.lower, signing.get("standardWebhooks", {}).get("schemes", ()))]
    state = endpoint["state"] + (f": {endpoint['disabledReason']}" if "disabledReason" in endpoint else "")
    types = ", ".join(endpoint.get("notificationTypes", ())) or "enabled ones"
    return [endpoint["name"].rpartition("/")[2], state, types, ", ".join(signed) or "nothing", endpoint["url"]]
