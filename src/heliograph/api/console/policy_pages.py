"""Policies: read, edited as JSON with the API's own checks, looked at before they are saved, given to devices, deleted."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import msgspec

from heliograph.api.console.audit_pages import trail_url
from heliograph.api.console.guest import DEVICES_LIST, METHODS, POLICIES_LIST, TOKENS_CREATE, ConsolePage, Guest, Json, Redirect
from heliograph.api.console.json_text import Mistake, as_typed, diff, mistakes_in
from heliograph.api.console.links import Crumbs, crumbs_of, turning
from heliograph.api.console.rejections import REJECTIONS, Rejection, message_of, status_of
from heliograph.api.console.shown import json_shown
from heliograph.domain.device import DeviceRecord
from heliograph.domain.names import ID_PATTERN, DeviceName, EnterpriseName, PolicyName
from heliograph.domain.policy import DEFAULT_ID, violations
from heliograph.domain.policy_messages import Policy
from heliograph.protojson.errors import InvalidArgument, NotFound, Violations
from heliograph.protojson.messages import decode_message, encode_message
from heliograph.service.devices import devices_called
from heliograph.service.policies import get_policy
from heliograph.service.work_aside import work_aside

POLICIES_GET = "androidmanagement.enterprises.policies.get"
POLICIES_PATCH, POLICIES_DELETE = "androidmanagement.enterprises.policies.patch", "androidmanagement.enterprises.policies.delete"
DEVICES_PATCH = "androidmanagement.enterprises.devices.patch"

ROWS: Final = 50
DEVICES_IN_LIST: Final = 3
"""Devices of each policy that the list of policies names."""
DEVICES_SHOWN: Final = 50
OUTPUT_ONLY: Final = frozenset({"name", "version"})
"""What the server says of a policy, and nobody edits.  Source: disc, Policy."""
ROOT: Final = "policy"
FIRST: Final = "{\n  \n}"
"""What the editor of a new policy begins with."""
NOTES: Final[Mapping[str, str]] = {
    "saved": "Saved. Connected devices get it now, the others when they connect.",
    "assigned": "The device has this policy now; it applies it as soon as it is connected.",
}


class _Draft(NamedTuple):
    """A policy in the editor."""

    enterprise: str
    policy_id: str
    text: str
    new: bool

    @property
    def name(self) -> PolicyName:
        return PolicyName(self.enterprise, self.policy_id)


class _Users(NamedTuple):
    """Devices that have a policy, those that the caller may see."""

    devices: Sequence[DeviceRecord]
    more: bool


async def show_policies(guest: Guest, enterprise: str) -> ConsolePage:
    """The policies, each with its version, what it sets, and devices that have it."""
    answer = await guest.ask(POLICIES_LIST, enterprise, page_size=ROWS, page_token=guest.parameter("page"))
    policies = answer.get("policies", [])
    sees_devices = await guest.may(DEVICES_LIST, enterprise)
    names = [PolicyName(enterprise, policy["name"].rpartition("/")[2]) for policy in policies]
    users = await asyncio.gather(*(_users(guest, name, most=DEVICES_IN_LIST) for name in names)) if sees_devices else [None] * len(names)
    values = {
        "rows": [_row(guest, name, policy, used) for name, policy, used in zip(names, policies, users, strict=True)],
        "create_url": f"{_url(guest, enterprise)}:create" if await guest.may(POLICIES_PATCH, enterprise, "new") else "",
        **turning(guest, answer.get("nextPageToken", ""), "enterprises", enterprise, "policies"),
        "deleted": guest.parameter("note") == "deleted", "crumbs": crumbs_of(guest, enterprise),
    }  # fmt: skip
    return ConsolePage("console/policies.html", "Policies", values)


async def show_policy(guest: Guest, enterprise: str, policy_id: str) -> ConsolePage:
    """One policy, and the devices that have it."""
    return await _policy_page(guest, PolicyName(enterprise, policy_id))


async def show_new(guest: Guest, enterprise: str) -> ConsolePage:
    """The editor of a policy that does not exist yet."""
    await guest.admit(POLICIES_LIST, enterprise)
    await guest.require(POLICIES_PATCH, enterprise, "new")
    return _editor(guest, _Draft(enterprise, "", FIRST, new=True))


async def check_new(guest: Guest, enterprise: str) -> ConsolePage:
    """What will be saved as a new policy; or the editor, with the mistakes."""
    await guest.require(POLICIES_PATCH, enterprise, "new")
    draft = _Draft(enterprise, guest.field("policy_id").strip(), as_typed(guest.field("text")), new=True)
    if not ID_PATTERN.fullmatch(draft.policy_id):
        wrong = "Give the policy an id: letters, digits and ._~- only, as in kiosk-2. Devices and tokens name it by that."
        return _editor(guest, draft, [Mistake(wrong)])
    if not guest.field("edit") and await _stored(guest, draft.name) is not None:
        wrong = f"There is a policy {draft.policy_id} already: choose another id, or edit that one."
        return _editor(guest, draft, [Mistake(wrong)], status=409)
    return await _checked(guest, draft)


async def show_editor(guest: Guest, enterprise: str, policy_id: str) -> ConsolePage:
    """The editor, with the policy as it is."""
    policy = await guest.ask(POLICIES_GET, enterprise, policy_id)
    await guest.require(POLICIES_PATCH, enterprise, policy_id)
    return _editor(guest, _Draft(enterprise, policy_id, _text_of(policy), new=False))


async def check(guest: Guest, enterprise: str, policy_id: str) -> ConsolePage:
    """What would change; or the editor, with the mistakes."""
    await guest.require(POLICIES_PATCH, enterprise, policy_id)
    return await _checked(guest, _Draft(enterprise, policy_id, as_typed(guest.field("text")), new=False))


async def save(guest: Guest, enterprise: str, policy_id: str) -> ConsolePage | Redirect:
    """The policy is what was looked at; if someone else changed it meanwhile, what would change now is shown instead."""
    draft = _Draft(enterprise, policy_id, as_typed(guest.field("text")), new=bool(guest.field("new")))
    await guest.require(POLICIES_PATCH, enterprise, policy_id)
    if _version(await _stored(guest, draft.name)) != guest.field("version"):
        return await _checked(guest, draft, overtaken=True)
    try:
        await guest.ask(POLICIES_PATCH, enterprise, policy_id, body=draft.text.encode())
    except REJECTIONS as error:
        return _editor(guest, draft, _mistakes(draft.text, error), status=status_of(error))
    return Redirect(_url(guest, enterprise, policy_id, note="saved"))


async def assign(guest: Guest, enterprise: str, policy_id: str) -> ConsolePage | Redirect:
    """The device with this id or serial number has the policy."""
    name, wanted = PolicyName(enterprise, policy_id), guest.field("device").strip()
    await guest.admit(POLICIES_GET, *name)
    if not guest.may_open(DEVICES_PATCH, enterprise):
        await guest.admit(DEVICES_PATCH, enterprise, wanted)  # says so
    device, wrong = await _device(guest, enterprise, wanted)
    if device is not None:
        try:
            await guest.ask(DEVICES_PATCH, *device, body=msgspec.json.encode({"policyName": str(name)}), update_mask="policyName")
        except REJECTIONS as error:
            wrong = error.message
        else:
            return Redirect(_url(guest, *name, note="assigned"))
    return await _policy_page(guest, name, error=wrong, device=wanted)


async def show_deletion(guest: Guest, enterprise: str, policy_id: str) -> ConsolePage:
    """What deleting means, before it is done."""
    await guest.ask(POLICIES_GET, enterprise, policy_id)
    await guest.require(POLICIES_DELETE, enterprise, policy_id)
    return _deletion(guest, PolicyName(enterprise, policy_id))


async def delete(guest: Guest, enterprise: str, policy_id: str) -> ConsolePage | Redirect:
    """The policy is gone; or it says which devices have it."""
    name = PolicyName(enterprise, policy_id)
    try:
        await guest.ask(POLICIES_DELETE, *name)
    except REJECTIONS as error:
        return _deletion(guest, name, error=error)
    return Redirect(_url(guest, enterprise, note="deleted"))


async def _policy_page(guest: Guest, name: PolicyName, *, error: str = "", device: str = "") -> ConsolePage:
    policy = await guest.ask(POLICIES_GET, *name)
    used = await _users(guest, name, most=DEVICES_SHOWN) if await guest.may(DEVICES_LIST, name.enterprise) else None
    changes, is_default = await guest.may(POLICIES_PATCH, *name), name.policy == DEFAULT_ID
    values = {
        "name": str(name), "version": policy.get("version", ""), "json": json_shown(_rules(policy)), "sets": ", ".join(_rules(policy)),
        "devices": None if used is None else [_user(guest, record, policy) for record in used.devices],
        "more_url": guest.url("enterprises", name.enterprise, filter=f"policy={name.policy}") if used and used.more else "",
        "edit_url": f"{_url(guest, *name)}:edit" if changes else "",
        "delete_url": f"{_url(guest, *name)}:delete" if not is_default and await guest.may(POLICIES_DELETE, *name) else "",
        "assign_url": f"{_url(guest, *name)}:assign" if used is not None and guest.may_open(DEVICES_PATCH, name.enterprise) else "",
        "enrol_url": guest.url("enterprises", name.enterprise, "enrollmentTokens", verb="create", policy=name.policy)
        if await guest.may(TOKENS_CREATE, name.enterprise) else "",
        "is_default": is_default, "error": error, "device": device, "note": NOTES.get(guest.parameter("note"), ""),
        "trail_url": await trail_url(guest, name.enterprise, resource=str(name)), "crumbs": _crumbs(guest, name.enterprise),
    }  # fmt: skip
    return ConsolePage("console/policy.html", name.policy, values, status=400 if error else 200)


async def _checked(guest: Guest, draft: _Draft, *, overtaken: bool = False) -> ConsolePage:
    """What saving would change; or the editor, with the mistakes, or (`edit`) with the text that was looked at."""
    if guest.field("edit") and not overtaken:
        return _editor(guest, draft)
    try:
        wanted = await work_aside(partial(_read, guest), draft.text.encode())
    except InvalidArgument as error:
        return _editor(guest, draft, _mistakes(draft.text, error), status=status_of(error))
    stored = await _stored(guest, draft.name)
    draft = draft._replace(new=draft.new and stored is None)
    before, after = "" if stored is None else json_shown(_rules(stored)), json_shown(wanted)
    lines = await work_aside(lambda _: diff(before, after), draft.text.encode())
    used = await _users(guest, draft.name, most=DEVICES_SHOWN) if await guest.may(DEVICES_LIST, draft.enterprise) else None
    values = {
        "lines": lines, "text": draft.text, "version": _version(stored), "new": draft.new, "policy_id": draft.policy_id,
        "overtaken": overtaken, "action": _url(guest, *draft.name), "back_url": _editor_url(guest, draft),
        "devices": 0 if used is None else len(used.devices), "more": used is not None and used.more,
        "crumbs": _crumbs_of(guest, draft),
    }  # fmt: skip
    return ConsolePage("console/policy_check.html", f"Save {draft.policy_id}", values, status=409 if overtaken else 200)


def _read(guest: Guest, text: bytes) -> Json:
    """The policy as the server would keep it, less what only the server says.  Raises: InvalidArgument."""
    message = decode_message(Policy, text, root=ROOT, options=guest.ports.limits.behaviour.reader)
    if found := Violations(violations(message)):
        raise InvalidArgument(violations=found)
    policy: Json = msgspec.json.decode(encode_message(message))
    return _rules(policy)


def _editor(guest: Guest, draft: _Draft, mistakes: Sequence[Mistake] = (), *, status: int = 400) -> ConsolePage:
    values = {
        "text": draft.text, "new": draft.new, "policy_id": draft.policy_id, "mistakes": mistakes, "action": _editor_url(guest, draft),
        "rows": min(max(draft.text.count("\n") + 2, 16), 40), "crumbs": _crumbs_of(guest, draft),
    }  # fmt: skip
    title = "New policy" if draft.new else f"Edit {draft.policy_id}"
    return ConsolePage("console/policy_editor.html", title, values, status=status if mistakes else 200)


def _editor_url(guest: Guest, draft: _Draft) -> str:
    return f"{_url(guest, draft.enterprise)}:create" if draft.new else f"{_url(guest, *draft.name)}:edit"


def _crumbs_of(guest: Guest, draft: _Draft) -> Crumbs:
    return _crumbs(guest, draft.enterprise, "" if draft.new else draft.policy_id)


def _deletion(guest: Guest, name: PolicyName, *, error: Rejection | None = None) -> ConsolePage:
    values = {
        "what": "Devices and tokens can no longer be given this policy. The server refuses it while devices have it.",
        "error": message_of(error), "action": f"{_url(guest, *name)}:delete", "button": f"Delete {name.policy}", "typed": "",
        "back_url": _url(guest, *name), "crumbs": _crumbs(guest, *name),
    }  # fmt: skip
    return ConsolePage("console/deletion.html", f"Delete {name.policy}?", values, status=status_of(error))


def _mistakes(text: str, error: Rejection) -> Sequence[Mistake]:
    return mistakes_in(text, error, root=ROOT) if isinstance(error, InvalidArgument) else [Mistake(error.message)]


async def _stored(guest: Guest, name: PolicyName) -> Json | None:
    """The policy as it is now; None: there is none.  Raises: as the API's method."""
    await guest.admit(POLICIES_GET, *name)
    try:
        found: Json = msgspec.json.decode((await get_policy(guest.ports, name)).resource)
    except NotFound:
        return None
    return found


async def _users(guest: Guest, name: PolicyName, *, most: int) -> _Users:
    """At most so many devices that have the policy, and that the caller's roles show; `may(DEVICES_LIST)` was asked before."""
    page = await guest.ports.store.devices_with_policy(name, after="", limit=most)
    if guest.console.authorizer is None:
        return _Users(page.items, page.more)
    permit = guest.caller.rights.permit(METHODS[DEVICES_LIST])
    return _Users([record for record in page.items if permit.shows(record)], page.more)


async def _device(guest: Guest, enterprise: str, wanted: str) -> tuple[DeviceName | None, str]:
    """The device with this id, else the one with this serial number; or why there is none that could be meant."""
    if not wanted:
        return None, "Write the id or the serial number of the device."
    await guest.admit(DEVICES_LIST, enterprise)
    there = await devices_called(guest.ports, EnterpriseName(enterprise), wanted)
    of_id = [name for name in there if name.device == wanted]
    if of_id or len(there) == 1:
        return (of_id or there)[0], ""
    what = (
        f"{len(there)} devices have the serial number {wanted}: write the id of one"
        if there
        else f"No device has the id or serial number {wanted}"
    )
    return None, f"{what}. Fleet finds devices by anything that is known of them."


def _row(guest: Guest, name: PolicyName, policy: Json, used: _Users | None) -> Mapping[str, Any]:
    return {
        "id": name.policy, "url": _url(guest, *name), "version": policy.get("version", ""), "sets": list(_rules(policy)),
        "devices": None if used is None else [(record.name.device, guest.url_of(record.name)) for record in used.devices],
        "more_url": guest.url("enterprises", name.enterprise, filter=f"policy={name.policy}") if used and used.more else "",
    }  # fmt: skip


def _user(guest: Guest, record: DeviceRecord, policy: Json) -> Mapping[str, Any]:
    """A device that has the policy, and how far it has applied it."""
    report = record.report
    applied = report.applied_policy_version if report.applied_policy_name == record.policy_name else 0
    state = "applied" if str(applied) == policy.get("version", "0") else f"version {applied} applied" if applied else "not applied yet"
    return {"id": record.name.device, "url": guest.url_of(record.name), "state": state}


def _rules(policy: Json) -> Json:
    return {field: value for field, value in policy.items() if field not in OUTPUT_ONLY}


def _text_of(policy: Json) -> str:
    return json_shown(rules) if (rules := _rules(policy)) else FIRST


def _version(stored: Json | None) -> str:
    """What the form remembers, so that no one overwrites what they have not seen."""
    return "" if stored is None else stored.get("version", "0")


def _url(guest: Guest, enterprise: str, policy_id: str = "", **query: str) -> str:
    return guest.url("enterprises", enterprise, "policies", *([policy_id] if policy_id else []), **query)


def _crumbs(guest: Guest, enterprise: str, policy_id: str = "") -> Crumbs:
    crumbs = crumbs_of(guest, enterprise, ("Policies", "policies"))
    return [*crumbs, (policy_id, _url(guest, enterprise, policy_id))] if policy_id else crumbs
