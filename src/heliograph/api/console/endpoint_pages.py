"""Push endpoints of an enterprise: made, shown, tried out, enabled, disabled, deleted; a secret is shown once."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from heliograph.api.console.guest import PUSH_ENDPOINTS_LIST, ConsolePage, Guest, Json, Redirect
from heliograph.api.console.links import Crumbs, crumbs_of
from heliograph.api.console.rejections import REJECTIONS, Rejection, message_of, status_of
from heliograph.api.console.shown import json_shown, moment_of
from heliograph.domain.enterprise import NotificationType
from heliograph.domain.names import PushEndpointName
from heliograph.domain.push_endpoint import Scheme

_ENDPOINTS = "heliograph.pushEndpoints"
ENDPOINTS_GET, ENDPOINTS_EXPLAIN, ENDPOINTS_TEST = f"{_ENDPOINTS}.get", f"{_ENDPOINTS}.explain", f"{_ENDPOINTS}.test"
ENDPOINTS_CREATE, ENDPOINTS_PATCH, ENDPOINTS_DELETE = f"{_ENDPOINTS}.create", f"{_ENDPOINTS}.patch", f"{_ENDPOINTS}.delete"
ENDPOINTS_ROTATE = f"{_ENDPOINTS}.rotateSecret"

TYPES: Final = tuple(kind.value for kind in NotificationType if kind is not NotificationType.NOTIFICATION_TYPE_UNSPECIFIED)
SCHEMES: Final[Mapping[str, str]] = {
    Scheme.V1.value: "HMAC-SHA256 with a secret that both sides know, which is shown once",
    Scheme.V1A.value: "ed25519: the receiver needs the public key alone",
}
FORM: Final = ("id", "display", "url", "oidc_email", "oidc_audience")
NOTES: Final[Mapping[str, str]] = {
    "tested": "A test message is on its way. It is repeated until the endpoint takes it.",
    "ENABLED": "The endpoint is enabled. What it missed is among the dead letters.",
    "DISABLED": "The endpoint is disabled. What waits for it becomes dead letters.",
}


async def show_new(guest: Guest, enterprise: str) -> ConsolePage:
    """The form of a new push endpoint."""
    await guest.admit(PUSH_ENDPOINTS_LIST, enterprise)
    await guest.require(ENDPOINTS_CREATE, enterprise)
    return _form(guest, enterprise)


async def create(guest: Guest, enterprise: str) -> ConsolePage:
    """The endpoint is there, and its page shows its secret, this once; or the form, with what is wrong in it."""
    given = {field: guest.field(field).strip() for field in FORM}
    schemes = list(guest.fields.get("schemes", ()))
    signing: Json = {}
    if given["oidc_email"] or given["oidc_audience"]:
        signing["oidc"] = {"serviceAccountEmail": given["oidc_email"], "audience": given["oidc_audience"]}
    if schemes:
        signing["standardWebhooks"] = {"schemes": schemes}
    types = list(guest.fields.get("types", ()))
    wanted = {"url": given["url"], "displayName": given["display"], "notificationTypes": types, **({"signing": signing} if signing else {})}
    try:
        made = await guest.ask(ENDPOINTS_CREATE, enterprise, body=msgspec.json.encode(wanted), push_endpoint_id=given["id"])
    except REJECTIONS as error:
        return _form(guest, enterprise, error=error)
    return await _shown(guest, made, note="The endpoint is there. It gets what happens from now on: send it a test message.")


async def show_endpoint(guest: Guest, enterprise: str, endpoint: str) -> ConsolePage:
    """One push endpoint: whether it takes notifications, and how its requests are signed."""
    return await _shown(guest, await guest.ask(ENDPOINTS_GET, enterprise, endpoint), note=NOTES.get(guest.parameter("note"), ""))


async def send_test(guest: Guest, enterprise: str, endpoint: str) -> ConsolePage | Redirect:
    """A message of type `test` is on its way; or the page says why none can be."""
    try:
        await guest.ask(ENDPOINTS_TEST, enterprise, endpoint, body=b"{}")
    except REJECTIONS as error:
        return await _shown(guest, await guest.ask(ENDPOINTS_GET, enterprise, endpoint), error=error)
    return Redirect(_url(guest, PushEndpointName(enterprise, endpoint), note="tested"))


async def enable(guest: Guest, enterprise: str, endpoint: str) -> Redirect:
    """The endpoint gets notifications."""
    return await _set_state(guest, enterprise, endpoint, "ENABLED")


async def disable(guest: Guest, enterprise: str, endpoint: str) -> Redirect:
    """The endpoint gets none until it is enabled."""
    return await _set_state(guest, enterprise, endpoint, "DISABLED")


async def rotate_secret(guest: Guest, enterprise: str, endpoint: str) -> ConsolePage:
    """The endpoint has a new secret, which its page shows this once."""
    try:
        changed = await guest.ask(ENDPOINTS_ROTATE, enterprise, endpoint, body=b"{}")
    except REJECTIONS as error:
        return await _shown(guest, await guest.ask(ENDPOINTS_GET, enterprise, endpoint), error=error)
    note = "The endpoint has a new secret. Until the old one ends, requests are signed with both."
    return await _shown(guest, changed, note=note)


async def show_deletion(guest: Guest, enterprise: str, endpoint: str) -> ConsolePage:
    """What deleting means, before it is done."""
    await guest.ask(ENDPOINTS_GET, enterprise, endpoint)
    await guest.require(ENDPOINTS_DELETE, enterprise, endpoint)
    values = {
        "what": "Nothing more is pushed to it, and its secret is lost. What waits for it becomes dead letters.", "error": "", "typed": "",
        "action": f"{_url(guest, PushEndpointName(enterprise, endpoint))}:delete", "button": f"Delete {endpoint}",
        "back_url": _url(guest, PushEndpointName(enterprise, endpoint)), "crumbs": crumbs(guest, enterprise),
    }  # fmt: skip
    return ConsolePage("console/deletion.html", f"Delete {endpoint}?", values)


async def delete(guest: Guest, enterprise: str, endpoint: str) -> Redirect:
    """The endpoint is gone."""
    await guest.ask(ENDPOINTS_DELETE, enterprise, endpoint)
    return Redirect(guest.url("enterprises", enterprise, "notifications", note="endpoint-deleted"))


async def _set_state(guest: Guest, enterprise: str, endpoint: str, state: str) -> Redirect:
    await guest.ask(ENDPOINTS_PATCH, enterprise, endpoint, body=msgspec.json.encode({"state": state}), update_mask="state")
    return Redirect(_url(guest, PushEndpointName(enterprise, endpoint), note=state))


def _form(guest: Guest, enterprise: str, *, error: Rejection | None = None) -> ConsolePage:
    values = {
        "given": {field: guest.field(field) for field in FORM}, "error": message_of(error),
        "types": [(kind, kind in guest.fields.get("types", ())) for kind in TYPES],
        "schemes": [(scheme, meaning, scheme in guest.fields.get("schemes", ())) for scheme, meaning in SCHEMES.items()],
        "action": f"{guest.url('enterprises', enterprise, 'pushEndpoints')}:create", "crumbs": crumbs(guest, enterprise),
    }  # fmt: skip
    return ConsolePage("console/endpoint_form.html", "New push endpoint", values, status=status_of(error))


async def _shown(guest: Guest, endpoint: Json, *, note: str = "", error: Rejection | None = None) -> ConsolePage:
    """The endpoint's page. If `endpoint` has a secret, it was made just now."""
    name = PushEndpointName.parse(endpoint["name"])
    explained = await guest.ask(ENDPOINTS_EXPLAIN, *name) if await guest.may(ENDPOINTS_EXPLAIN, *name) else {}
    webhooks, oidc = endpoint.get("signing", {}).get("standardWebhooks"), endpoint.get("signing", {}).get("oidc")
    changes, enabled = await guest.may(ENDPOINTS_PATCH, *name), endpoint.get("state") == "ENABLED"
    url = _url(guest, name)
    values = {
        "name": endpoint["name"], "state": endpoint.get("state", ""), "enabled": enabled, "sentences": sentences(explained),
        "note": note, "error": message_of(error), "secret": webhooks.get("secret", "") if webhooks else "",
        "facts": [(term, value) for term, value in _facts(endpoint, webhooks, oidc) if value],
        "json": json_shown(_without_secret(endpoint)), "state_url": f"{url}:{'disable' if enabled else 'enable'}" if changes else "",
        "test_url": f"{url}:test" if enabled and await guest.may(ENDPOINTS_TEST, *name) else "",
        "rotate_url": f"{url}:rotateSecret" if webhooks and await guest.may(ENDPOINTS_ROTATE, *name) else "",
        "delete_url": f"{url}:delete" if await guest.may(ENDPOINTS_DELETE, *name) else "",
        "crumbs": crumbs(guest, name.enterprise),
    }  # fmt: skip
    title = endpoint.get("displayName", "") or name.push_endpoint
    return ConsolePage("console/endpoint.html", title, values, status=status_of(error))


def _facts(endpoint: Json, webhooks: Json | None, oidc: Json | None) -> Sequence[tuple[str, str]]:
    return (
        ("URL", endpoint["url"]),
        ("Notifications", types_in_words(endpoint)),
        ("Signed by a token for", f"{oidc.get('serviceAccountEmail', '')}, audience {oidc.get('audience', '')}" if oidc else ""),
        ("Signed by Standard Webhooks", ", ".join(webhooks.get("schemes", ())) if webhooks else ""),
        ("Public key", webhooks.get("publicKey", "") if webhooks else ""),
        ("The secret before ends", moment_of(webhooks.get("previousSecretExpireTime", "")) if webhooks else ""),
        ("Signed", "" if webhooks or oidc else "not: anyone who knows the URL can send it something"),
        ("Made", moment_of(endpoint.get("createTime", ""))),
        ("Disabled", moment_of(endpoint.get("disableTime", ""))),
    )


def sentences(explained: Json) -> Sequence[str]:
    """What `:explain` says, a sentence each."""
    return [part for part in (explained.get("sentence"), explained.get("nextEvent"), explained.get("advice")) if part]


def types_in_words(endpoint: Json) -> str:
    """The types of notifications that the endpoint gets."""
    return ", ".join(endpoint.get("notificationTypes", ())) or "those that the enterprise enabled"


def _without_secret(endpoint: Json) -> Json:
    signing = endpoint.get("signing", {})
    webhooks = {field: value for field, value in signing.get("standardWebhooks", {}).items() if field != "secret"}
    return {**endpoint, "signing": {**signing, "standardWebhooks": webhooks}} if webhooks else endpoint


def _url(guest: Guest, name: PushEndpointName, **query: str) -> str:
    return guest.url("enterprises", name.enterprise, "pushEndpoints", name.push_endpoint, **query)


def crumbs(guest: Guest, enterprise: str) -> Crumbs:
    """The way to what is in Notifications."""
    return crumbs_of(guest, enterprise, ("Notifications", "notifications"))
