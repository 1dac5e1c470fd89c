"""Approvals: what waits for a second person, and the word of that person, on exactly what the page shows."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from heliograph.api.console.guest import ConsolePage, Guest, Json, Redirect
from heliograph.api.console.links import crumbs_of
from heliograph.api.console.rejections import message_of, status_of
from heliograph.api.console.shown import json_shown, moment_of
from heliograph.domain.access import Caller
from heliograph.domain.approval import (
    CHANGE_RULES,
    CREATE_KEY,
    DELETE_DEVICE,
    DELETE_ENTERPRISE,
    Approval,
    ApprovalState,
    OwnApproval,
    UnnamedApprover,
)
from heliograph.domain.names import ApprovalName, OperationName
from heliograph.domain.operation import Event, allows
from heliograph.protojson.errors import HeliographError, NotFound, Unauthenticated
from heliograph.service.approvals import approval_named

APPROVALS_LIST, APPROVALS_GET = "heliograph.approvals.list", "heliograph.approvals.get"
APPROVE, DECLINE, CALL_OFF = (f"heliograph.approvals.{verb}" for verb in ("approve", "decline", "callOff"))
RULES_GET = "heliograph.approvalRules.get"
AT_ONCE: Final = 100
READ_MOST: Final = 1_000
"""Approvals that one page looks at: then it offers to go on."""
DECIDED_SHOWN: Final = 50
DEVICES_SHOWN: Final = 200
METHOD_WORDS: Final[Mapping[str, str]] = {
    DELETE_DEVICE: "Delete a device",
    DELETE_ENTERPRISE: "Delete the enterprise",
    CREATE_KEY: "Make a key",
    CHANGE_RULES: "Change the approval rules",
}
STATE_WORDS: Final[Mapping[str, str]] = {
    ApprovalState.PENDING.value: "waits",
    ApprovalState.APPROVED.value: "approved",
    ApprovalState.DONE.value: "done",
    ApprovalState.DECLINED.value: "declined",
    ApprovalState.CALLED_OFF.value: "called off",
    ApprovalState.EXPIRED.value: "expired",
}
FOR_YOU, OF_YOURS, FOR_OTHERS, DECIDED = "Waits for you", "You asked for it", "Waits for others", "Decided"
SECTIONS: Final[Mapping[str, str]] = {
    FOR_YOU: "Nothing waits for you.",
    OF_YOURS: "Nothing that you asked for is open.",
    FOR_OTHERS: "Nothing waits for anyone else.",
    DECIDED: "Nothing was decided yet.",
}
"""Each with what it says if it is empty."""
REPEATABLE: Final = frozenset({CHANGE_RULES})
"""Methods whose approved call a page can make again as it was."""


async def show_approvals(guest: Guest, enterprise: str) -> ConsolePage:
    """What waits for the caller, what the caller asked for, what waits for others, and what was decided last."""
    approvals, more = await _read(guest, enterprise, guest.parameter("page"))
    approves = await guest.may(APPROVE, enterprise, "-")
    found: dict[str, list[Json]] = {name: [] for name in SECTIONS}
    for one in approvals:
        found[_section(one, guest.caller, approves=approves)].append(one)
    decided = found[DECIDED][::-1]
    found[DECIDED] = decided[:DECIDED_SHOWN]
    values = {
        "sections": [(name, [_row(guest, one) for one in found[name]], empty) for name, empty in SECTIONS.items()],
        "nothing": not approvals, "hidden": max(0, len(decided) - DECIDED_SHOWN),
        "rules_url": guest.url("enterprises", enterprise, "approvalRules") if await guest.may(RULES_GET, enterprise) else "",
        "next_url": guest.url("enterprises", enterprise, "approvals", page=more) if more else "",
        "crumbs": crumbs_of(guest, enterprise),
    }  # fmt: skip
    return ConsolePage("console/approvals.html", "Approvals", values)


async def show_approval(guest: Guest, enterprise: str, approval_id: str) -> ConsolePage:
    """One approval: what it is of, who was asked, what they said, and the caller's own word."""
    return await _approval_page(guest, ApprovalName(enterprise, approval_id))


async def approve(guest: Guest, enterprise: str, approval_id: str) -> ConsolePage | Redirect:
    """The caller agrees to what the page showed, as its digest says."""
    return await _decide(guest, APPROVE, ApprovalName(enterprise, approval_id), {"digest": guest.field("digest")})


async def decline(guest: Guest, enterprise: str, approval_id: str) -> ConsolePage | Redirect:
    """The caller says no."""
    return await _decide(guest, DECLINE, ApprovalName(enterprise, approval_id), {"reason": guest.field("reason")})


async def call_off(guest: Guest, enterprise: str, approval_id: str) -> ConsolePage | Redirect:
    """It does not happen."""
    return await _decide(guest, CALL_OFF, ApprovalName(enterprise, approval_id), {"reason": guest.field("reason")})


async def _decide(guest: Guest, method_id: str, name: ApprovalName, wanted: Json) -> ConsolePage | Redirect:
    """The approval's page as it is then; or as it is, with what was wrong, and the reason that was written."""
    try:
        await guest.ask(method_id, *name, body=msgspec.json.encode(wanted))
    except (Unauthenticated, NotFound):
        raise
    except HeliographError as error:
        return await _approval_page(guest, name, error=error)
    return Redirect(guest.url("enterprises", name.enterprise, "approvals", name.approval))


async def _approval_page(guest: Guest, name: ApprovalName, *, error: HeliographError | None = None) -> ConsolePage:
    approval = await guest.ask(APPROVALS_GET, *name)
    state, devices = approval["state"], approval.get("devices", [])
    refusal = await _why_not_approve(guest, name, approval)
    repeats = state == ApprovalState.APPROVED.value and approval["what"] in REPEATABLE and approval["askedBy"] == guest.caller.actor
    target = approval.get("target", "")
    values = {
        "name": approval["name"], "digest": approval["digest"], "asked_by": approval.get("askedBy", ""),
        "params_sent": approval.get("params", ""), "decided_by": approval.get("decidedBy", ""), "said": approval.get("reason", ""),
        "what": _what(approval), "state": STATE_WORDS[state], "waits": state == "PENDING",
        "target": target, "target_url": guest.url_of_resource(target), "params": _indented(approval.get("params", "")),
        "devices": [(device, guest.url_of_resource(device)) for device in devices[:DEVICES_SHOWN]],
        "hidden": int(approval.get("deviceCount", 0)) - min(len(devices), DEVICES_SHOWN),
        "asked": moment_of(approval.get("createTime", "")), "expires": moment_of(approval.get("expireTime", "")),
        "decided": moment_of(approval.get("decideTime", "")), "starts": moment_of(approval.get("startTime", "")),
        "votes": [(vote["actor"], moment_of(vote.get("time", ""))) for vote in approval.get("approvals", [])],
        "needed": approval.get("approvalsNeeded", 1), "approvers": ", ".join(approval.get("approvers", [])),
        "sentence": approval.get("whyStuck", ""), "refusal": refusal, "url": guest.url("enterprises", *_parts(name)),
        "may_decline": not refusal and await guest.may(DECLINE, *name), "may_call_off": await _may_call_off(guest, name, state),
        "again_url": guest.url_of_resource(target) if repeats else "", "error": message_of(error),
        "reason": guest.field("reason"),
        "crumbs": crumbs_of(guest, name.enterprise, ("Approvals", "approvals")),
    }  # fmt: skip
    return ConsolePage("console/approval.html", _title(approval), values, status=status_of(error))


async def _why_not_approve(guest: Guest, name: ApprovalName, approval: Json) -> str:
    """Why the caller cannot decide; empty: they can."""
    person = guest.caller.person
    if approval["state"] != ApprovalState.PENDING.value:
        return "It waits no more."
    if guest.caller.actor == approval.get("askedBy", ""):
        return OwnApproval().message
    if not person:
        return UnnamedApprover().message
    if not await guest.may(APPROVE, *name):
        return "Your role does not allow approving."
    return "You have agreed. It waits for another person." if person in _voters(approval) else ""


async def _may_call_off(guest: Guest, name: ApprovalName, state: str) -> bool:
    """Whether it can be called off, and by the caller."""
    if state not in {ApprovalState.PENDING.value, ApprovalState.APPROVED.value} or not await guest.may(CALL_OFF, *name):
        return False
    approval: Approval = await approval_named(guest.ports, name)
    if approval.of_method:
        return True
    operation = await guest.ports.store.operation(OperationName.parse(approval.target))
    return operation is not None and allows(operation, Event.CANCEL) and guest.ports.clock.now_us() < operation.expires_us


async def _read(guest: Guest, enterprise: str, token: str) -> tuple[Sequence[Json], str]:
    """Approvals, oldest first, and the token with which to go on; empty: there are no more."""
    found: list[Json] = []
    while True:
        answer = await guest.ask(APPROVALS_LIST, enterprise, page_size=AT_ONCE, page_token=token)
        found += answer.get("approvals", [])
        token = answer.get("nextPageToken", "")
        if not token or len(found) >= READ_MOST:
            return found, token
        await asyncio.sleep(0)  # others get their turn


def _row(guest: Guest, approval: Json) -> Mapping[str, Any]:
    return {
        "what": _what(approval), "url": guest.url_of_resource(approval["name"]), "on": _on(approval),
        "asked_by": approval.get("askedBy", ""),
        "asked": moment_of(approval.get("createTime", "")), "expires": moment_of(approval.get("expireTime", "")),
        "state": STATE_WORDS[approval["state"]], "decided_by": approval.get("decidedBy", ""),
        "agreed": f"{len(approval.get('approvals', []))} of {approval.get('approvalsNeeded', 1)}",
    }  # fmt: skip


def _what(approval: Json) -> str:
    what: str = approval["what"]
    return METHOD_WORDS.get(what, what)


def _on(approval: Json) -> str:
    """The device, or how many."""
    devices, count = approval.get("devices", []), int(approval.get("deviceCount", 0))
    return devices[0].rpartition("/")[2] if count == 1 and devices else f"{count} devices" if count else ""


def _title(approval: Json) -> str:
    on = _on(approval)
    return f"{_what(approval)} {on}".rstrip() if approval["what"] not in METHOD_WORDS or not on else f"{_what(approval)}: {on}"


def _section(approval: Json, caller: Caller, *, approves: bool) -> str:
    """Where the list shows it."""
    waits = approval["state"] == ApprovalState.PENDING.value
    can_start = approval["state"] == ApprovalState.APPROVED.value and approval["what"] in METHOD_WORDS
    if approval.get("askedBy", "") == caller.actor and (waits or can_start):
        return OF_YOURS
    if not waits:
        return DECIDED
    return FOR_YOU if approves and caller.person and caller.person not in _voters(approval) else FOR_OTHERS


def _voters(approval: Json) -> set[str]:
    return {vote["actor"] for vote in approval.get("approvals", [])}


def _parts(name: ApprovalName) -> tuple[str, str, str]:
    return name.enterprise, "approvals", name.approval


def _indented(params: str) -> str:
    """The params, as JSON that people read; what is no JSON as it is."""
    try:
        return json_shown(msgspec.json.decode(params)) if params else ""
    except msgspec.DecodeError:
        return params
