"""Enterprises: listed with what they have, created, set up, and deleted by who types the id."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from heliograph.api.console.enterprise_settings import SETTINGS, changed_in
from heliograph.api.console.guest import (
    DEAD_LETTERS_LIST,
    DEVICES_LIST,
    ENTERPRISES_GET,
    ENTERPRISES_LIST,
    POLICIES_LIST,
    PUSH_ENDPOINTS_LIST,
    TOKENS_LIST,
    ConsolePage,
    Guest,
    Json,
    Redirect,
)
from heliograph.api.console.json_text import as_typed
from heliograph.api.console.links import crumbs_of, turning
from heliograph.api.console.rejections import REJECTIONS, Rejection, message_of, status_of
from heliograph.api.console.shown import json_shown
from heliograph.domain.enterprise import DISPLAY_NAME_MAX_CHARS, NotificationType
from heliograph.domain.names import EnterpriseName
from heliograph.service.tenant_bounds import Held

_ENTERPRISES = "androidmanagement.enterprises"
ENTERPRISES_CREATE, ENTERPRISES_PATCH = f"{_ENTERPRISES}.create", f"{_ENTERPRISES}.patch"
ENTERPRISES_DELETE = f"{_ENTERPRISES}.delete"

ROWS: Final = 50
COUNTED_MOST: Final = 1_000
"""Of each kind, for each enterprise of a page."""
TYPES: Final[Mapping[str, str]] = {
    NotificationType.COMMAND.value: "a command has ended",
    NotificationType.ENROLLMENT.value: "a device has enrolled",
    NotificationType.STATUS_REPORT.value: "a device has reported itself",
    NotificationType.USAGE_LOGS.value: "a device has reported what happened on it",
    NotificationType.COMPLIANCE_REPORT.value: "accepted, and never sent by this server",
    NotificationType.ENTERPRISE_UPGRADE.value: "an admin has upgraded the enterprise; sent whatever is chosen",
}


class Bounded(NamedTuple):
    """What an enterprise may have a limited number of."""

    held: Held
    limit: str
    """Its field of Limits."""
    method: str
    """Lists them: those who may not call it do not learn how many there are."""


BOUNDED: Final = (
    Bounded(Held.POLICIES, "policies_most", POLICIES_LIST),
    Bounded(Held.ENROLLMENT_TOKENS, "enrollment_tokens_most", TOKENS_LIST),
    Bounded(Held.PUSH_ENDPOINTS, "push_endpoints_most", PUSH_ENDPOINTS_LIST),
    Bounded(Held.WEB_APPS, "web_apps_most", "androidmanagement.enterprises.webApps.list"),
    Bounded(Held.DEAD_LETTERS, "dead_letters_most", DEAD_LETTERS_LIST),
)
NEAR: Final = 0.8
"""A share of a limit from which on it is said that there is little room left."""


TYPES_FIELD: Final = "enabledNotificationTypes"
NOTES: Final[Mapping[str, str]] = {
    "saved": "Saved.",
    "created": "The enterprise is created. Next: make a policy, then a token to enrol devices.",
}


async def show_first(guest: Guest) -> ConsolePage | Redirect:
    """The devices of the only enterprise that the caller may see; else the enterprises."""
    answer = await guest.ask(ENTERPRISES_LIST, page_size=2)
    enterprises = answer.get("enterprises", [])
    if len(enterprises) == 1 and "nextPageToken" not in answer:
        return Redirect(guest.url(*enterprises[0]["name"].split("/")))
    return await show_enterprises(guest)


async def show_enterprises(guest: Guest) -> ConsolePage:
    """The enterprises that the caller may see, each with how much it has."""
    answer = await guest.ask(ENTERPRISES_LIST, page_size=ROWS, page_token=guest.parameter("page"))
    values = {
        "rows": await asyncio.gather(*(_row(guest, one) for one in answer.get("enterprises", []))),
        "create_url": f"{guest.url('enterprises')}:create" if await guest.may(ENTERPRISES_CREATE) else "",
        **turning(guest, answer.get("nextPageToken", ""), "enterprises"), "deleted": guest.parameter("note") == "deleted",
    }  # fmt: skip
    return ConsolePage("console/enterprises.html", "Enterprises", values)


async def show_new(guest: Guest) -> ConsolePage:
    """The form of a new enterprise."""
    await guest.admit(ENTERPRISES_LIST)
    await guest.require(ENTERPRISES_CREATE)
    return _new(guest, "")


async def create(guest: Guest) -> ConsolePage | Redirect:
    """The enterprise is there, under an id that the server makes; or the form, with what is wrong in it."""
    display = guest.field("display").strip()
    body = msgspec.json.encode({"enterpriseDisplayName": display})
    try:
        made = await guest.ask(ENTERPRISES_CREATE, body=body, agreement_accepted=bool(guest.field("agreed")))
    except REJECTIONS as error:
        return _new(guest, display, error=error)
    return Redirect(guest.url(*made["name"].split("/"), "settings", note="created"))


async def show_settings(guest: Guest, enterprise: str) -> ConsolePage:
    """What is set of the enterprise."""
    stored = await guest.ask(ENTERPRISES_GET, enterprise)
    texts = {setting.path: setting.text_of(stored) for setting in SETTINGS}
    return await _settings(guest, enterprise, stored, texts, stored.get(TYPES_FIELD, ()))


async def save_settings(guest: Guest, enterprise: str) -> ConsolePage | Redirect:
    """What was changed in the form is set, and nothing else."""
    await guest.require(ENTERPRISES_PATCH, enterprise)
    stored = await guest.ask(ENTERPRISES_GET, enterprise)
    texts = {setting.path: as_typed(guest.field(setting.path)).strip() for setting in SETTINGS}
    types = [kind for kind in TYPES if kind in guest.fields.get(TYPES_FIELD, ())]
    try:
        wanted, mask = changed_in(texts, stored)
        if set(types) != set(stored.get(TYPES_FIELD, ())):
            wanted, mask = {**wanted, TYPES_FIELD: types}, [*mask, TYPES_FIELD]
        if mask:
            await guest.ask(ENTERPRISES_PATCH, enterprise, body=msgspec.json.encode(wanted), update_mask=",".join(mask))
    except REJECTIONS as error:
        return await _settings(guest, enterprise, stored, texts, types, error=error)
    return Redirect(guest.url("enterprises", enterprise, "settings", note="saved"))


async def show_deletion(guest: Guest, enterprise: str) -> ConsolePage:
    """What deleting takes away, before it is done."""
    await guest.ask(ENTERPRISES_GET, enterprise)
    await guest.require(ENTERPRISES_DELETE, enterprise)
    return await _deletion(guest, enterprise)


async def delete(guest: Guest, enterprise: str) -> ConsolePage | Redirect:
    """The enterprise and all that it has is gone, if its id was typed."""
    await guest.require(ENTERPRISES_DELETE, enterprise)
    if guest.field("typed_name").strip() != enterprise:
        return await _deletion(guest, enterprise, wrong=f"Type {enterprise} to delete it: that cannot be undone.")
    try:
        await guest.ask(ENTERPRISES_DELETE, enterprise)
    except REJECTIONS as error:
        return await _deletion(guest, enterprise, wrong=error.message, status=status_of(error))
    return Redirect(guest.url("enterprises", note="deleted"))


async def _row(guest: Guest, enterprise: Json) -> Mapping[str, Any]:
    name = EnterpriseName.parse(enterprise["name"])
    counts = await asyncio.gather(
        _count(guest, name, Held.DEVICES, DEVICES_LIST), _count(guest, name, Held.POLICIES, POLICIES_LIST),
        _count(guest, name, Held.ENROLLMENT_TOKENS, TOKENS_LIST),
    )  # fmt: skip
    return {
        "id": name.enterprise, "display": enterprise.get("enterpriseDisplayName", ""), "url": guest.url(*enterprise["name"].split("/")),
        "devices": counts[0], "policies": counts[1], "tokens": counts[2],
        "settings_url": guest.url("enterprises", name.enterprise, "settings") if guest.may_open(ENTERPRISES_GET, name.enterprise) else "",
    }  # fmt: skip


async def _room(guest: Guest, name: EnterpriseName, bounded: Bounded) -> Mapping[str, Any]:
    most: int = getattr(guest.ports.limits, bounded.limit)
    number = (await guest.ports.store.holding(name, bounded.held, most=most)).number
    return {"what": bounded.held.value.capitalize(), "number": number, "most": most, "near": number >= NEAR * most}


async def _count(guest: Guest, name: EnterpriseName, held: Held, method_id: str) -> str:
    """How many the enterprise has; empty: the caller may not list them, or only some of them."""
    if not guest.may_open(method_id, name.enterprise) or guest.sees_some(method_id):
        return ""
    number = (await guest.ports.store.holding(name, held, most=COUNTED_MOST + 1)).number
    return f"more than {COUNTED_MOST}" if number > COUNTED_MOST else str(number)


def _new(guest: Guest, display: str, *, error: Rejection | None = None) -> ConsolePage:
    values = {
        "action": f"{guest.url('enterprises')}:create", "display": display, "most": DISPLAY_NAME_MAX_CHARS,
        "error": message_of(error), "crumbs": [("Enterprises", guest.url("enterprises"))],
    }  # fmt: skip
    return ConsolePage("console/enterprise_form.html", "New enterprise", values, status=status_of(error))


async def _settings(
    guest: Guest, enterprise: str, stored: Json, texts: Mapping[str, str], types: Collection[str], *, error: Rejection | None = None
) -> ConsolePage:
    changes = await guest.may(ENTERPRISES_PATCH, enterprise)
    values = {
        "name": stored["name"], "error": message_of(error), "note": NOTES.get(guest.parameter("note"), ""),
        "fields": [(setting, texts[setting.path]) for setting in SETTINGS], "types_field": TYPES_FIELD,
        "types": [(kind, meaning, kind in types) for kind, meaning in TYPES.items()],
        "action": guest.url("enterprises", enterprise, "settings") if changes else "", "json": json_shown(stored),
        "room": await asyncio.gather(
            *(_room(guest, EnterpriseName(enterprise), one) for one in BOUNDED if guest.may_open(one.method, enterprise))
        ),
        "delete_url": f"{guest.url('enterprises', enterprise)}:delete" if await guest.may(ENTERPRISES_DELETE, enterprise) else "",
        "crumbs": crumbs_of(guest, enterprise),
    }  # fmt: skip
    return ConsolePage("console/settings.html", "Settings", values, status=status_of(error))


async def _deletion(guest: Guest, enterprise: str, *, wrong: str = "", status: int = 400) -> ConsolePage:
    name = EnterpriseName(enterprise)
    devices = await _count(guest, name, Held.DEVICES, DEVICES_LIST)
    has = f"{devices} {'device' if devices == '1' else 'devices'}" if devices else "its devices"
    values = {
        "what": f"{name} is deleted with {has}, and all its policies, tokens and push endpoints. Company-owned phones wipe themselves when "
        "they next connect. That cannot be undone.",
        "error": wrong, "action": f"{guest.url('enterprises', enterprise)}:delete", "button": "Delete this enterprise", "typed": enterprise,
        "back_url": guest.url("enterprises", enterprise, "settings"),
        "crumbs": crumbs_of(guest, enterprise, ("Settings", "settings")),
    }  # fmt: skip
    return ConsolePage("console/deletion.html", f"Delete {enterprise}?", values, status=status if wrong else 200)
